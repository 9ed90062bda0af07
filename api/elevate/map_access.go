package elevate

import (
	"quad/api/elevate/wire"
	"quad/internal/people/access"
	"quad/models"
)

func userRoleInput(req wire.UserRoleRequest) access.RoleInput {
	return access.RoleInput{
		Title: req.Title, Label: req.Label, UserType: models.UserType(req.UserType), Status: models.Status(req.Status), Visibility: req.Visibility,
	}
}

func userRoleFilter(req wire.ListUserRolesRequest) access.RoleFilter {
	return access.RoleFilter{
		Page: accessPage(req.Page, req.Search), UserType: req.UserType, OrganizationID: req.OrganizationID,
		Status: (*models.Status)(req.Status), Visibility: req.Visibility,
	}
}

func accessPage(p wire.Page, search string) access.Page {
	return access.Page{Number: p.Number, Limit: p.Limit, Search: search}
}

func userRole(r models.Role) wire.UserRole {
	return wire.UserRole{
		ID: r.ID, Title: r.Title, Label: r.Label, UserType: int(r.UserType), Status: string(r.Status), Visibility: r.Visibility, OrganizationID: r.OrganizationID,
	}
}

func permissionInput(req wire.PermissionRequest) access.PermissionInput {
	return access.PermissionInput{Code: req.Code, Module: req.Module, Methods: req.Methods, Path: req.Path, Status: models.Status(req.Status)}
}

func permissionLine(p models.Permission) wire.Permission {
	return wire.Permission{ID: p.ID, Code: p.Code, Module: p.Module, RequestType: p.RequestType, APIPath: p.APIPath, Status: string(p.Status)}
}

func permissionReceipt(p models.Permission) wire.PermissionReceipt {
	return wire.PermissionReceipt{ID: p.ID, Status: string(p.Status), Module: p.Module, RequestType: p.RequestType}
}

func moduleInput(req wire.ModuleRequest) access.ModuleInput {
	return access.ModuleInput{Code: req.Code, Status: models.Status(req.Status)}
}

func moduleLine(m models.Module) wire.Module {
	return wire.Module{ID: m.ID, Code: m.Code, Status: string(m.Status)}
}

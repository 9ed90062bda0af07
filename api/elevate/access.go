package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people/access"
	"quad/models"
)

// What an unknown role or module is called depends on what was to happen to it.
var (
	errRolesNotUpdated = models.Refuse(models.KindNotFound, "elevate.roles_not_updated", "there is no such role to update")
	errRolesNotDeleted = models.Refuse(models.KindNotFound, "elevate.roles_not_deleted", "there is no such role to delete")
	errModuleGone      = models.Refuse(models.KindNotFound, "elevate.module_gone", "there is no such module to delete")
)

// lacksRole is the refusal of a caller whom the gate has let pass and who lacks
// the role. The contract of two lists has no 400 for it.
func lacksRole(operation string) error {
	if operation == "listPermissions" || operation == "listModules" {
		return errNoPermission
	}
	return errNoAdminAccess
}

// listUserRoles pages through the roles of the own and the default organization.
func (d *door) listUserRoles(c *fiber.Ctx, req wire.ListUserRolesRequest) (reply, error) {
	page, count, err := d.access.ListRoles(c.UserContext(), userRoleFilter(req))
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Roles fetched successfully", result: listOf(page, count, userRole)}, nil
}

// createUserRole adds a role to the caller's organization.
func (d *door) createUserRole(c *fiber.Ctx, req wire.UserRoleRequest) (reply, error) {
	r, err := d.access.CreateRole(c.UserContext(), userRoleInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Roles added successfully", result: userRole(r)}, nil
}

// updateUserRole replaces the fields of a role.
func (d *door) updateUserRole(c *fiber.Ctx, req wire.UserRoleRequest) (reply, error) {
	r, err := d.access.UpdateRole(c.UserContext(), req.ID, userRoleInput(req))
	if err != nil {
		return reply{}, instead(err, errRolesNotUpdated, access.ErrRoleUnknown)
	}
	return reply{status: fiber.StatusCreated, message: "Roles updated successfully", result: userRole(r)}, nil
}

// deleteUserRole takes a role away. The message is the contract's.
func (d *door) deleteUserRole(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	if err := d.access.DeleteRole(c.UserContext(), req.ID); err != nil {
		return reply{}, instead(err, errRolesNotDeleted, access.ErrRoleUnknown)
	}
	return reply{status: fiber.StatusAccepted, message: "Module deleted successfully", result: wire.Nothing{}}, nil
}

// listPermissions pages through the permissions by code.
func (d *door) listPermissions(c *fiber.Ctx, req wire.SearchRequest) (reply, error) {
	page, count, err := d.access.ListPermissions(c.UserContext(), accessPage(req.Page, req.Search))
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Permissions fetched successfully", result: wire.PermissionPage{Results: listOf(page, count, permissionLine)}}, nil
}

// createPermission adds a permission that no role has yet.
func (d *door) createPermission(c *fiber.Ctx, req wire.PermissionRequest) (reply, error) {
	p, err := d.access.CreatePermission(c.UserContext(), permissionInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "PERMISSION_CREATED_SUCCESSFULLY", result: permissionReceipt(p)}, nil
}

// updatePermission replaces the fields of a permission.
func (d *door) updatePermission(c *fiber.Ctx, req wire.PermissionRequest) (reply, error) {
	p, err := d.access.UpdatePermission(c.UserContext(), req.ID, permissionInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "PERMISSION_UPDATED_SUCCESSFULLY", result: permissionReceipt(p)}, nil
}

// deletePermission takes a permission away, also from the roles that have it.
func (d *door) deletePermission(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	if err := d.access.DeletePermission(c.UserContext(), req.ID); err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Permission deleted successfully", result: wire.Nothing{}}, nil
}

// listModules pages through the modules by code.
func (d *door) listModules(c *fiber.Ctx, req wire.SearchRequest) (reply, error) {
	page, count, err := d.access.ListModules(c.UserContext(), accessPage(req.Page, req.Search))
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Module fetched successfully", result: listOf(page, count, moduleLine)}, nil
}

// createModule adds a module.
func (d *door) createModule(c *fiber.Ctx, req wire.ModuleRequest) (reply, error) {
	m, err := d.access.CreateModule(c.UserContext(), moduleInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "MODULES_CREATED_SUCCESSFULLY", result: wire.ModuleReceipt(moduleLine(m))}, nil
}

// updateModule renames a module; its permissions follow.
func (d *door) updateModule(c *fiber.Ctx, req wire.ModuleRequest) (reply, error) {
	m, err := d.access.UpdateModule(c.UserContext(), req.ID, moduleInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "MODULES_UPDATED_SUCCESSFULLY", result: moduleLine(m)}, nil
}

// deleteModule takes a module away, with its permissions.
func (d *door) deleteModule(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	if err := d.access.DeleteModule(c.UserContext(), req.ID); err != nil {
		return reply{}, instead(err, errModuleGone, access.ErrModuleUnknown)
	}
	return reply{status: fiber.StatusAccepted, message: "Module deleted successfully", result: wire.Nothing{}}, nil
}

// createRolePermission gives a permission to a role.
func (d *door) createRolePermission(c *fiber.Ctx, req wire.RolePermissionRequest) (reply, error) {
	p, err := d.access.GrantPermission(c.UserContext(), req.RoleID, req.PermissionID)
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Permission added to the role", result: wire.RolePermission{
		RoleID: req.RoleID, PermissionID: p.ID, Module: p.Module, RequestType: p.RequestType,
	}}, nil
}

// deleteRolePermission takes a permission from a role.
func (d *door) deleteRolePermission(c *fiber.Ctx, req wire.RolePermissionRequest) (reply, error) {
	if err := d.access.WithdrawPermission(c.UserContext(), req.RoleID, req.PermissionID); err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "ROLE_PERMISSION_MAPPING_DELETED_SUCCESSFULLY", result: wire.Nothing{}}, nil
}

package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unspaced reads a required text without white space, as Word does, and says so
// in the words of roles, modules and permissions.
func (in *Input) unspaced(name string) string {
	s := in.Text(name, 100)
	if strings.ContainsFunc(s, isSpace) {
		in.fail("body", name, name+" is invalid, must not contain spaces", s)
		return ""
	}
	return s
}

// optionalStatus reads ACTIVE or INACTIVE in any case, "" when it is absent.
func (in *Input) optionalStatus() string {
	if v, sent := in.Body["status"]; !sent || v == nil || v == "" {
		return ""
	}
	return in.Enum("status", "ACTIVE", "INACTIVE")
}

// UserRoleRequest is path and body of createUserRole and updateUserRole.
type UserRoleRequest struct {
	ID                               int64
	Title, Label, Status, Visibility string
	UserType                         int64
}

// Read fills the request.
func (r *UserRoleRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Title, r.Label = in.unspaced("title"), in.OptionalText("label", MaxText)
	r.Status, r.Visibility = in.Enum("status", "ACTIVE", "INACTIVE"), in.Text("visibility", MaxText)
	switch v := in.Body["user_type"]; v {
	case nil, "":
		in.fail("body", "user_type", "user_type field is empty", nil)
	default:
		kind, ok := integer(v)
		if !ok || kind != 0 && kind != 1 {
			in.fail("body", "user_type", "user_type is invalid, must be one of: 0,1", v)
			return
		}
		r.UserType = kind
	}
}

// ListUserRolesRequest is the query of listUserRoles. What is nil does not
// filter. The contract knows no 422 here: a number that is none finds nothing.
type ListUserRolesRequest struct {
	Page                     Page
	Search                   string
	UserType, OrganizationID *int64
	Status, Visibility       *string
}

// Read fills the request.
func (r *ListUserRolesRequest) Read(in *Input) {
	r.Page, r.Search = in.Page(), in.Search()
	r.UserType, r.OrganizationID = in.number("user_type"), in.number("organization_id")
	r.Status, r.Visibility = in.word("status"), in.word("visibility")
}

// number reads a number of the query, nil when it is absent and -1 when it is
// none.
func (in *Input) number(name string) *int64 {
	s := in.word(name)
	if s == nil {
		return nil
	}
	n, err := strconv.ParseInt(*s, 10, 64)
	if err != nil || n < 0 {
		n = -1
	}
	return &n
}

// word reads a text of the query, nil when it is absent.
func (in *Input) word(name string) *string {
	s := strings.TrimSpace(in.Query(name))
	if s == "" {
		return nil
	}
	return &s
}

// PermissionRequest is path and body of createPermission and updatePermission.
type PermissionRequest struct {
	ID                         int64
	Code, Module, Path, Status string
	Methods                    []string
}

// permissionMethods are the words of request_type.
var permissionMethods = []string{"GET", "POST", "PATCH", "PUT", "DELETE"}

// Read fills the request.
func (r *PermissionRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Code, r.Module = in.unspaced("code"), in.unspaced("module")
	r.Methods, r.Path = in.methods(), in.apiPath()
	r.Status = in.optionalStatus()
}

// methods reads request_type: at least one method, in any case.
func (in *Input) methods() []string {
	const name = "request_type"
	v := in.Body[name]
	items, ok := v.([]any)
	if v == nil || v == "" || ok && len(items) == 0 {
		in.fail("body", name, name+" field is empty", nil)
		return nil
	}
	out := make([]string, 0, len(permissionMethods))
	for _, item := range items {
		s, isText := item.(string)
		s = strings.ToUpper(strings.TrimSpace(s))
		if ok = isText && slices.Contains(permissionMethods, s); !ok {
			v = item
			break
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if !ok {
		in.fail("body", name, name+" is invalid, must be one of: "+strings.Join(permissionMethods, ","), v)
		return nil
	}
	return out
}

// apiPath reads api_path: a slash and something behind it, no white space.
func (in *Input) apiPath() string {
	const name, invalid = "api_path", "API Path is invalid"
	v := in.Body[name]
	s, ok := v.(string)
	s = strings.TrimSpace(s)
	switch {
	case v == nil, ok && s == "":
		in.fail("body", name, name+" field is empty", nil)
	case !ok || !strings.HasPrefix(s, "/") || s == "/" || strings.ContainsFunc(s, isSpace) || utf8.RuneCountInString(s) > 1_000:
		in.fail("body", name, invalid, v)
	default:
		return s
	}
	return ""
}

// SearchRequest is the query of listPermissions and listModules.
type SearchRequest struct {
	Page   Page
	Search string
}

// Read fills the request.
func (r *SearchRequest) Read(in *Input) { r.Page, r.Search = in.Page(), in.Search() }

// ModuleRequest is path and body of createModule and updateModule.
type ModuleRequest struct {
	ID           int64
	Code, Status string
}

// Read fills the request.
func (r *ModuleRequest) Read(in *Input) {
	r.ID, r.Code, r.Status = in.PathID("id"), in.unspaced("code"), in.optionalStatus()
}

// RolePermissionRequest is path and body of createRolePermission and
// deleteRolePermission.
type RolePermissionRequest struct{ RoleID, PermissionID int64 }

// Read fills the request.
func (r *RolePermissionRequest) Read(in *Input) {
	r.RoleID, r.PermissionID = in.PathID("role_id"), in.ID("permission_id")
}

// UserRole is a role.
type UserRole struct {
	ID             int64  `json:"id"`
	Title          string `json:"title"`
	Label          string `json:"label"`
	UserType       int    `json:"user_type"`
	Status         string `json:"status"`
	Visibility     string `json:"visibility"`
	OrganizationID int64  `json:"organization_id"`
}

// Permission is a permission in a list.
type Permission struct {
	ID          int64    `json:"id"`
	Code        string   `json:"code"`
	Module      string   `json:"module"`
	RequestType []string `json:"request_type"`
	APIPath     string   `json:"api_path"`
	Status      string   `json:"status"`
}

// PermissionPage nests the page of listPermissions, unlike every other list.
type PermissionPage struct {
	Results List[Permission] `json:"results"`
}

// PermissionReceipt answers createPermission and updatePermission.
type PermissionReceipt struct {
	ID          int64    `json:"Id"`
	Status      string   `json:"status"`
	Module      string   `json:"module"`
	RequestType []string `json:"request_type"`
}

// Module is a module in a list, and the answer of updateModule.
type Module struct {
	ID     int64  `json:"id"`
	Code   string `json:"code"`
	Status string `json:"status"`
}

// ModuleReceipt answers createModule, with another spelling of the id.
type ModuleReceipt struct {
	ID     int64  `json:"Id"`
	Code   string `json:"code"`
	Status string `json:"status"`
}

// RolePermission answers createRolePermission.
type RolePermission struct {
	RoleID       int64    `json:"roleId"`
	PermissionID int64    `json:"permissionId"`
	Module       string   `json:"module"`
	RequestType  []string `json:"request_type"`
}

// Nothing is an empty object.
type Nothing struct{}

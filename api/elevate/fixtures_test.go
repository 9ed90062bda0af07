package elevate_test

import (
	"strings"

	"github.com/stretchr/testify/require"

	"quad/internal/blob"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/people/rolerequest"
	"quad/internal/store"
	"quad/models"
)

type (
	values  = contracttest.Values
	cell    = suite.Cell
	place   = suite.Place
	fixture = suite.Fixture
)

// newPassword is one that nobody has yet.
const newPassword = "another long one"

// nobody is an address without an account, in requests for what is not there.
const nobody = "nobody@nowhere.test"

// fixtures are what the requests need beyond the contract's examples.
func fixtures() map[string]fixture {
	all := map[string]fixture{}
	for _, some := range []map[string]fixture{accountFixtures(), accessFixtures(), adminFixtures(), formFixtures(), entityFixtures(), orgAdminFixtures()} {
		for id, f := range some {
			all[id] = f
		}
	}
	return all
}

// fresh gives a name of the caller's place for a part of the body.
func fresh(key string) func(cell) values {
	return func(c cell) values { return values{key: c.Caller.Place.Name()} }
}

// freshEmail gives an address that nobody has.
func freshEmail(c cell) values { return values{"body.email": c.Caller.Place.Email()} }

// of makes a record and gives its id under a key.
func of(key string, record func(*place) int64) func(cell, *place) values {
	return func(_ cell, p *place) values { return values{key: record(p)} }
}

func wholeAccount(string) suite.Reach { return suite.OwnAccount }

// asAdmin is the reach of operations that org_admins have for their own
// organization and admins for all.
func asAdmin(role string) suite.Reach {
	if role == models.RoleAdmin {
		return suite.OwnAccount
	}
	return suite.OwnOrganization
}

func user(p *place) int64 { return p.NewPerson(models.RoleMentee).ID }

func accountFixtures() map[string]fixture {
	login := func(role string) func(cell, *place) values {
		return func(_ cell, p *place) values {
			return values{"body.email": p.NewPerson(role).Email, "body.password": hubtest.Password}
		}
	}
	missing := values{"body.email": nobody}
	profile := func(cell) values {
		return values{"body": object{"name": "Jo", "about": "Teacher", "preferred_language": "en"}}
	}
	return map[string]fixture{
		"createAccount":           {Values: freshEmail},
		"generateRegistrationOtp": {Values: freshEmail},
		"login":                   {Record: login(models.RoleMentee), Missing: missing},
		"adminLogin":              {Record: login(models.RoleAdmin), Missing: missing},
		"generatePasswordOtp": {Missing: missing, Record: func(_ cell, p *place) values {
			return values{"body.email": p.NewPerson(models.RoleMentee).Email, "body.password": newPassword}
		}},
		"resetPassword": {Missing: missing, Record: func(c cell, p *place) values {
			who := p.NewPerson(models.RoleMentee)
			issued, err := c.World.Auth.IssueCode(p.Context(), models.CodePasswordReset, who.Email)
			require.NoError(c.World.T, err)
			code, err := c.World.Auth.Code(p.Context(), issued.ID)
			require.NoError(c.World.T, err)
			return values{"body.email": who.Email, "body.password": newPassword, "body.otp": code}
		}},
		"generateToken": {
			Record: func(c cell, p *place) values {
				return values{"body.refresh_token": c.World.Session(c.World.T, p.NewPerson(models.RoleMentee), "elevate").Refresh}
			},
			Reach: func(string) suite.Reach { return suite.Everywhere },
		},
		"logout":                {Values: func(cell) values { return values{"body": contracttest.Absent} }, EndsSession: true},
		"readUser":              {Record: of("path.userId", user), Reach: wholeAccount},
		"shareUserProfile":      {Record: of("path.userId", user), Reach: wholeAccount},
		"setLanguagePreference": {Values: profile},
		"updateUser":            {Values: profile},
		"createAdmin": {Values: func(c cell) values {
			return values{"body.email": c.Caller.Place.Email(), "body.secret_code": "let me in"}
		}},
	}
}

func role(p *place) int64 {
	return p.Insert(`INSERT INTO roles (account_id, organization_id, title, label) VALUES (@account_id, @organization, @name, @name) RETURNING id`,
		store.Args{"name": p.Name()})
}

func module(p *place) int64 {
	return p.Insert(`INSERT INTO modules (account_id, code) VALUES (@account_id, @code) RETURNING id`, store.Args{"code": p.Name()})
}

func permission(p *place) int64 {
	return p.Insert(`INSERT INTO permissions (account_id, code, module, request_type, api_path)
		VALUES (@account_id, @code, 'user', '{GET}', '/user/v1/user/' || CAST(@code AS text)) RETURNING id`, store.Args{"code": p.Name()})
}

func accessFixtures() map[string]fixture {
	grant := func(_ cell, p *place) values {
		return values{"path.role_id": role(p), "body.permission_id": permission(p)}
	}
	return map[string]fixture{
		"createUserRole": {Values: fresh("body.title")},
		"updateUserRole": {Values: fresh("body.title"), Record: of("path.id", role)},
		"deleteUserRole": {Record: of("path.id", role)},

		"createPermission": {Values: func(c cell) values {
			name := c.Caller.Place.Name()
			return values{"body.code": name, "body.module": "user", "body.api_path": "/user/v1/user/" + name}
		}},
		"updatePermission": {
			Values: func(c cell) values {
				name := c.Caller.Place.Name()
				return values{"body.code": name, "body.module": "user", "body.api_path": "/user/v1/user/" + name}
			},
			Record: of("path.id", permission), Reach: wholeAccount,
		},
		"deletePermission": {Record: of("path.id", permission), Reach: wholeAccount},

		"createModule": {Values: fresh("body.code")},
		"updateModule": {Values: fresh("body.code"), Record: of("path.id", module), Reach: wholeAccount},
		"deleteModule": {Record: of("path.id", module), Reach: wholeAccount},

		"createRolePermission": {Record: grant},
		"deleteRolePermission": {Record: func(c cell, p *place) values {
			v := grant(c, p)
			p.Insert(`INSERT INTO role_permissions (account_id, role_title, permission_id)
				SELECT @account_id, title, @permission FROM roles WHERE id = @role RETURNING permission_id`,
				store.Args{"role": v["path.role_id"], "permission": v["body.permission_id"]})
			return v
		}},
	}
}

func organization(p *place) int64 {
	return p.Insert(`INSERT INTO organizations (account_id, name, code) VALUES (@account_id, @name, @name) RETURNING id`, store.Args{"name": p.Name()})
}

func adminFixtures() map[string]fixture {
	return map[string]fixture{
		"deleteUser": {Record: of("path.id", user), Reach: wholeAccount},
		"addOrgAdmin": {Reach: wholeAccount, Record: func(_ cell, p *place) values {
			return values{"body.user_id": user(p), "body.organization_id": p.Organization.ID}
		}},
		"deactivateOrganization": {Record: of("path.id", organization), Reach: wholeAccount},
		"deactivateUsers":        {Record: func(_ cell, p *place) values { return values{"body.id": []int64{user(p)}} }, Reach: wholeAccount},
		"createOrganization":     {Values: fresh("body.code")},
		"updateOrganization": {
			Values: fresh("body.code"), Reach: asAdmin,
			Record: func(c cell, p *place) values {
				if c.Caller.Role == models.RoleOrgAdmin {
					return values{"path.id": p.Organization.ID}
				}
				return values{"path.id": organization(p)}
			},
		},
		"requestOrgRole": {Record: of("body.role", role), Reach: wholeAccount},
	}
}

func form(p *place) values {
	name := p.Name()
	id := p.Insert(`INSERT INTO forms (account_id, organization_id, type, sub_type, data)
		VALUES (@account_id, @organization, @name, 'sub', CAST('{"template_name": "t", "fields": {"controls": []}}' AS json)) RETURNING id`,
		store.Args{"name": name})
	return values{"path.formId": id, "body.type": name, "body.sub_type": "sub"}
}

func formFixtures() map[string]fixture {
	return map[string]fixture{
		"createForm": {Values: fresh("body.type")},
		"updateForm": {Record: func(_ cell, p *place) values { return form(p) }},
		"readForm": {Record: func(_ cell, p *place) values {
			return values{"path.formId": form(p)["path.formId"], "body": contracttest.Absent}
		}},
		"readFormByType": {
			Record: func(_ cell, p *place) values {
				v := form(p)
				delete(v, "path.formId")
				return v
			},
			Missing: values{"body.type": "nothing"},
		},
	}
}

func entityType(p *place, organization int64) (id int64, value string) {
	value = p.Name()
	return p.Insert(`INSERT INTO entity_types (account_id, organization_id, value, label, allow_filtering)
		VALUES (@account_id, @of, @value, @value, true) RETURNING id`, store.Args{"value": value, "of": organization}), value
}

func ownType(p *place) int64 {
	id, _ := entityType(p, p.Organization.ID)
	return id
}

func entity(p *place, entityType int64) int64 {
	return p.Insert(`INSERT INTO entities (account_id, entity_type_id, value, label) VALUES (@account_id, @type, @value, @value) RETURNING id`,
		store.Args{"type": entityType, "value": p.Name()})
}

func ownEntity(p *place) int64 { return entity(p, ownType(p)) }

func entityFixtures() map[string]fixture {
	return map[string]fixture{
		"createEntityType":              {Values: fresh("body.value")},
		"createEntityTypeMentoringPath": {Values: fresh("body.value")},
		"readEntityTypes": {
			Record: func(_ cell, p *place) values {
				_, value := entityType(p, p.Organization.ID)
				return values{"body.value": []string{value}}
			},
			Missing: values{"body.value": []string{"nothing"}},
		},
		"deleteEntityType": {Record: of("path.id", ownType)},
		"updateEntityType": {Values: fresh("body.value"), Record: of("path.id", ownType)},
		"deleteEntity":     {Record: of("path.id", ownEntity)},
		"createEntity":     {Values: fresh("body.value"), Record: of("body.entity_type_id", ownType)},
		"updateEntity": {Values: fresh("body.value"), Record: func(_ cell, p *place) values {
			of := ownType(p)
			return values{"path.id": entity(p, of), "body.entity_type_id": of}
		}},
		"readEntity":   {Record: of("query.id", ownEntity)},
		"listEntities": {Record: of("query.entity_type_id", ownType)},
		"inheritEntityType": {
			Values: fresh("body.target_entity_type_label"), Reach: wholeAccount, Missing: values{"body.entity_type_value": "nothing"},
			Record: func(c cell, p *place) values {
				_, value := entityType(p, c.World.Organization.ID) // of the default organization
				return values{"body.entity_type_value": value}
			},
		},
	}
}

func template(p *place) int64 {
	return p.Insert(`INSERT INTO notification_templates (account_id, organization_id, type, code, subject, body)
		VALUES (@account_id, @organization, 'email', @code, 'Hello', '<p>Hello</p>') RETURNING id`, store.Args{"code": p.Name()})
}

// roleRequest is an open one of a new person, for a role of the account.
func roleRequest(c cell, p *place) int64 {
	who := p.NewPerson(models.RoleMentee)
	request, err := c.World.RoleRequests.Ask(p.As(who, models.RoleMentee), rolerequest.Ask{RoleID: role(p)})
	require.NoError(c.World.T, err)
	return request.ID
}

// upload is a file of a new person.
func upload(c cell, p *place) string {
	who := p.NewPerson(models.RoleMentee)
	link, err := c.World.Files.Upload(p.As(who, models.RoleMentee), p.Name()+".csv", "")
	require.NoError(c.World.T, err)
	_, err = c.World.Blob.Write(p.Context(), people.FileKey(p.Account.ID, link.Path), strings.NewReader("name,email,roles\n"), blob.WriteOptions{})
	require.NoError(c.World.T, err)
	return link.Path
}

func orgAdminFixtures() map[string]fixture {
	return map[string]fixture{
		"getDownloadableUrl": {
			Record: func(c cell, p *place) values {
				return values{"query.file_path": upload(c, p), "query.filePath": contracttest.Absent}
			},
			Missing: values{"query.file_path": "users/1-1-nothing.csv"},
		},
		"bulkInviteUsers":  {Values: func(cell) values { return values{"body.file_path": "users/1-1-nothing.csv"} }},
		"listRoleRequests": {Values: func(cell) values { return values{"body": object{}} }},
		"getRoleRequest": {Record: func(c cell, p *place) values {
			return values{"query.request_id": roleRequest(c, p)}
		}},
		// Without a worker a decision is kept for later.
		"updateRoleRequestStatus": {Status: 503, Record: func(c cell, p *place) values {
			return values{"body.request_id": roleRequest(c, p)}
		}},
		"deactivateOrgUser":          {Record: of("path.id", user)},
		"createNotificationTemplate": {Values: fresh("body.code")},
		"updateNotificationTemplate": {Values: fresh("body.code"), Record: of("path.id", template)},
		"deleteNotificationTemplate": {Record: of("path.id", template)},
	}
}

package enabley_test

import (
	"maps"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
	"quad/models"
)

type (
	values  = contracttest.Values
	cell    = suite.Cell
	place   = suite.Place
	fixture = suite.Fixture
)

// none names nothing.
const none = "zz-none"

// fixtures are what the requests need beyond the contract's examples. A token
// reaches its whole account, so others' records are those of other accounts.
func fixtures() map[string]fixture {
	all := map[string]fixture{
		"createToken": {Values: func(c cell) values {
			w := c.World
			secret, client, err := w.People.IssueAPIClient(c.Caller.Place.Context(), "suite", nil)
			require.NoError(w.T, err)
			return values{"query.clientKey": client.ClientKey, "query.secret": secret}
		}},
		"getCatalogItem": named(values{"query.externalChannelId": none}, func(_ cell, p *place) values {
			id, channel := course(p, "COURSE", false)
			p.Insert(`INSERT INTO catalog_items (account_id, course_id) VALUES (@account_id, @course) RETURNING id`, store.Args{"course": id})
			return values{"query.externalChannelId": channel, "query.subAccountName": p.Organization.Name}
		}),
		"setCertificateRequirement": named(values{"body.certificateIdentifier": none, "body.userIdentifier": none}, func(c cell, p *place) values {
			user, certificate := certified(c, p)
			return values{"body.certificateIdentifier": certificate, "body.userIdentifier": user}
		}),
		"listUserCertificates": named(values{"path.externalUserId": none}, func(c cell, p *place) values {
			user, _ := certified(c, p)
			return values{"path.externalUserId": user}
		}),
		"getCertificate": named(values{"path.externalCertificateId": none}, func(c cell, p *place) values {
			_, certificate := certified(c, p)
			return values{"path.externalCertificateId": certificate}
		}),
		"listCertificatesV2": {Values: firstPage},
		"uploadOrgBulk":      {},
	}
	for _, some := range []map[string]fixture{channelFixtures(), groupFixtures(), userFixtures()} {
		maps.Copy(all, some)
	}
	return all
}

// named is the fixture of an operation that names records; missing are values
// that name none.
func named(missing values, record func(cell, *place) values) fixture {
	return fixture{Record: record, Missing: missing, Reach: func(string) suite.Reach { return suite.OwnAccount }}
}

func firstPage(cell) values { return values{"query.paginationKey": contracttest.Absent} }

// inSubAccount is the fixture of a list that a sub-account narrows.
func inSubAccount(more values) fixture {
	f := named(values{"query.subAccountName": none}, func(_ cell, p *place) values {
		return values{"query.subAccountName": p.Organization.Name}
	})
	f.Values = func(cell) values { return more }
	return f
}

func channelFixtures() map[string]fixture {
	paged := values{"query.paginationKey": contracttest.Absent}
	channel := func(_ cell, p *place) values {
		_, identifier := course(p, "COURSE", false)
		return values{"path.channelIdentifier": identifier}
	}
	inChannel := named(values{"path.channelIdentifier": none}, channel)
	withGroup := named(values{"path.channelIdentifier": none, "path.groupIdentifier": none}, func(c cell, p *place) values {
		v := channel(c, p)
		v["path.groupIdentifier"] = group(p)
		return v
	})
	enrolled := named(values{"path.channelIdentifier": none, "path.userIdentifier": none}, func(c cell, p *place) values {
		id, identifier := course(p, "COURSE", false)
		userID, user := user(c, p)
		enrol(p, id, userID)
		return values{"path.channelIdentifier": identifier, "path.userIdentifier": user}
	})
	performance := func(channel, user string) fixture {
		f := named(values{channel: none, user: none}, func(c cell, p *place) values {
			v := enrolled.Record(c, p)
			return values{channel: v["path.channelIdentifier"], user: v["path.userIdentifier"]}
		})
		f.Values = firstPage
		return f
	}
	v1 := performance("query.externalChannelId", "query.externalUserId")
	v1.Values = nil
	return map[string]fixture{
		"listChannelsV1":       inSubAccount(nil),
		"listChannelsV3":       inSubAccount(paged),
		"listMasterChannelsV2": inSubAccount(nil),
		"listMasterChannelsV3": inSubAccount(paged),
		"upsertChannel":        upsert(none, nil),
		"createChannelInstance": upsert(none, func(p *place) values {
			_, master := course(p, "COURSE", true)
			return values{"body.masterCourseIdentifier": master}
		}, values{"body.masterCourseIdentifier": none}),
		"getChannel": named(values{"path.identifier": none}, func(c cell, p *place) values {
			return values{"path.identifier": channel(c, p)["path.channelIdentifier"]}
		}),
		"listChannelTrainingEvents": inChannel,
		"countChannelMembers":       inChannel,
		"assignGroupToChannel":      withGroup,
		"removeGroupFromChannel":    withGroup,
		"assignUserToChannel":       enrolled,
		"removeUserFromChannel":     enrolled,
		"forceCompleteChannel":      enrolled,
		"listPerformanceV1":         v1,
		"listPerformanceV2":         performance("query.channelIdentifier", "query.userIdentifier"),
	}
}

func groupFixtures() map[string]fixture {
	member := named(values{"path.groupIdentifier": none, "path.userIdentifier": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"path.groupIdentifier": group(p), "path.userIdentifier": user}
	})
	holder := named(values{"path.profileIdentifier": none, "path.userIdentifier": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"path.profileIdentifier": profile(p), "path.userIdentifier": user}
	})
	ofUser := named(values{"path.identifier": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"path.identifier": user, "query.subAccountName": p.Organization.Name}
	})
	theGroup := named(values{"path.identifier": none}, func(_ cell, p *place) values {
		return values{"path.identifier": group(p), "query.subAccountName": p.Organization.Name}
	})
	return map[string]fixture{
		"upsertGroup": upsert(none, func(p *place) values {
			return values{"body.parentIdentifier": group(p), "body.type": "Team"}
		}, values{"body.parentIdentifier": none}),
		"listGroups":            inSubAccount(nil),
		"getGroup":              theGroup,
		"deleteGroup":           theGroup,
		"assignUserToGroup":     member,
		"removeUserFromGroup":   member,
		"listUserGroups":        ofUser,
		"getUserProfiles":       {},
		"upsertUserProfile":     {Values: func(c cell) values { return values{"body.identifier": c.Caller.Place.Name()} }},
		"listProfilesOfUser":    ofUser,
		"assignProfileToUser":   holder,
		"removeProfileFromUser": holder,
	}
}

func userFixtures() map[string]fixture {
	search := func(more values) fixture { return inSubAccount(more) }
	entitled := named(values{"body.userIdentifier": none, "body.entityIdentifier": none}, func(c cell, p *place) values {
		_, user := user(c, p, "manager")
		return values{"body.userIdentifier": user, "body.entityIdentifier": group(p)}
	})
	theUser := named(values{"path.identifier": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"path.identifier": user}
	})
	here := named(values{"path.identifier": none, "path.subAccountName": none, "query.subAccountName": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"path.identifier": user, "path.subAccountName": p.Organization.Name, "query.subAccountName": p.Organization.Name}
	})
	here.Missing = maps.Clone(here.Missing)
	change := named(values{"body.currentUserIdentifier": none}, func(c cell, p *place) values {
		_, user := user(c, p)
		return values{"body.currentUserIdentifier": user}
	})
	change.Values = func(c cell) values { return values{"body.newUserIdentifier": c.Caller.Place.Name()} }
	created := upsert(none, nil)
	created.Values = func(c cell) values {
		p := c.Caller.Place
		return values{"body.identifier": p.Name(), "body.username": p.Name(), "body.email": p.Email()}
	}
	return map[string]fixture{
		"listUsersV2":              search(nil),
		"listUsersV3":              search(values{"query.paginationKey": contracttest.Absent}),
		"upsertUser":               created,
		"addEntitlement":           entitled,
		"removeEntitlement":        entitled,
		"changeUserIdentifier":     change,
		"getUser":                  only(here, "path.identifier", "query.subAccountName"),
		"setUserStatus":            theUser,
		"deleteUser":               theUser,
		"removeUserFromSubAccount": only(here, "path.identifier", "path.subAccountName"),
		"setUserPermissions": named(values{"path.userIdentifier": none}, func(c cell, p *place) values {
			_, user := user(c, p, "instructor")
			return values{"path.userIdentifier": user}
		}),
	}
}

// only narrows a fixture to some of its values.
func only(f fixture, keys ...string) fixture {
	pick := func(from values) values {
		out := values{}
		for _, key := range keys {
			out[key] = from[key]
		}
		return out
	}
	record := f.Record
	f.Record = func(c cell, p *place) values { return pick(record(c, p)) }
	f.Missing = pick(f.Missing)
	return f
}

// upsert is the fixture of a create-or-update: a new identifier each time, and
// a sub-account and more that must be there.
func upsert(missing string, more func(*place) values, moreMissing ...values) fixture {
	gone := values{"body.subAccountName": missing}
	for _, m := range moreMissing {
		maps.Copy(gone, m)
	}
	f := named(gone, func(_ cell, p *place) values {
		v := values{"body.subAccountName": p.Organization.Name}
		if more != nil {
			maps.Copy(v, more(p))
		}
		return v
	})
	f.Values = func(c cell) values { return values{"body.identifier": c.Caller.Place.Name()} }
	return f
}

// user makes a person of the place with an identifier and possible roles.
func user(c cell, p *place, roles ...string) (int64, string) {
	w := c.World
	who, identifier := p.NewPerson(models.RoleMentee), p.Name()
	_, err := w.DB.Exec(p.Context(), `UPDATE users SET identifier = @identifier WHERE id = @id AND account_id = @account_id`,
		store.Args{"identifier": identifier, "id": who.ID})
	require.NoError(w.T, err)
	for _, role := range roles {
		id := p.Insert(`INSERT INTO roles (account_id, organization_id, title) VALUES (@account_id, @organization, @title)
			ON CONFLICT (account_id, lower(title)) WHERE deleted_at IS NULL DO UPDATE SET title = excluded.title RETURNING id`, store.Args{"title": role})
		_, err := w.DB.Exec(p.Context(), `INSERT INTO user_roles (account_id, user_id, role_id) VALUES (@account_id, @user, @role)`,
			store.Args{"user": who.ID, "role": id})
		require.NoError(w.T, err)
	}
	return who.ID, identifier
}

// course makes a channel or master of the place.
func course(p *place, kind string, master bool) (int64, string) {
	identifier := p.Name()
	return p.Insert(`INSERT INTO courses (account_id, organization_id, identifier, name, type, master)
		VALUES (@account_id, @organization, @identifier, @identifier, @type, @master) RETURNING id`,
		store.Args{"identifier": identifier, "type": kind, "master": master}), identifier
}

func enrol(p *place, courseID, userID int64) {
	p.Insert(`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner)
		VALUES (@account_id, @course, @user, true, true) RETURNING id`, store.Args{"course": courseID, "user": userID})
}

// group makes a group of the top type, in the place's organization.
func group(p *place) string {
	identifier := p.Name()
	p.Insert(`WITH types AS (
			INSERT INTO group_hierarchies (account_id, types) VALUES (@account_id, '{Region,Branch,Team}') ON CONFLICT DO NOTHING)
		INSERT INTO groups (account_id, organization_id, identifier, name, type)
		VALUES (@account_id, @organization, @identifier, @identifier, 'Region') RETURNING id`, store.Args{"identifier": identifier})
	return identifier
}

func profile(p *place) string {
	identifier := p.Name()
	p.Insert(`INSERT INTO user_profiles (account_id, identifier, name) VALUES (@account_id, @identifier, @identifier) RETURNING id`,
		store.Args{"identifier": identifier})
	return identifier
}

// certified makes a person with a certificate in progress.
func certified(c cell, p *place) (identifier, certificate string) {
	userID, identifier := user(c, p)
	courseID, _ := course(p, "COURSE", false)
	enrol(p, courseID, userID)
	certificate = p.Name()
	p.Insert(`WITH made AS (
			INSERT INTO certificates (account_id, identifier, name) VALUES (@account_id, @identifier, @identifier) RETURNING id),
		courses AS (
			INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) SELECT @account_id, id, @course, 1 FROM made)
		INSERT INTO user_certificates (account_id, certificate_id, user_id) SELECT @account_id, id, @user FROM made RETURNING id`,
		store.Args{"identifier": certificate, "course": courseID, "user": userID})
	return identifier, certificate
}

package group_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestMemberships(t *testing.T) {
	w := newWorld(t)
	for _, g := range []string{"A", "B", "C"} {
		w.put(g, "CONTA", "")
	}
	w.put("N", "CONTA", "", in("North"))
	anu := w.person(w.admin, "anu")
	for range 2 { // again changes nothing
		require.NoError(t, w.AddMember(w.admin, id("B"), id("anu"), false))
	}
	require.Equal(t, []int64{anu.ID}, w.told.forget())
	require.NoError(t, w.AddMember(w.admin, ref.ByID(w.get("A").ID), ref.ByID(anu.ID), false))
	require.NoError(t, w.AddMember(w.admin, id("N"), id("anu"), false))
	require.Equal(t, []string{"A", "B", "N"}, w.groupsOf("anu"), "by creation of the groups")
	north, err := w.GroupsOf(w.admin, id("anu"), "North")
	require.NoError(t, err)
	require.Equal(t, []string{"N"}, identifiers(north))
	require.Equal(t, "North", *north[0].SubAccount)
	require.EqualValues(t, 1, w.audited("group.member_added", w.get("B").ID))

	// All others are left in the same moment.
	w.told.forget()
	require.NoError(t, w.AddMember(w.admin, id("C"), id("anu"), true))
	require.Equal(t, []string{"C"}, w.groupsOf("anu"))
	require.Equal(t, []int64{anu.ID}, w.told.forget(), "once")
	for _, g := range []string{"A", "B", "N"} {
		require.EqualValues(t, 1, w.audited("group.member_removed", w.get(g).ID))
	}
	require.NoError(t, w.AddMember(w.admin, id("C"), id("anu"), true))
	require.Empty(t, w.told.forget())

	for range 2 {
		require.NoError(t, w.RemoveMember(w.admin, id("C"), id("anu")))
	}
	require.Equal(t, []int64{anu.ID}, w.told.forget())
	require.Empty(t, w.groupsOf("anu"))

	w.told.refuse = errors.New("not now")
	require.ErrorIs(t, w.AddMember(w.admin, id("C"), id("anu"), false), w.told.refuse)
	w.told.refuse = nil
	require.Empty(t, w.groupsOf("anu"), "refused as a whole")
}

func TestUnknownEndsOfAMembership(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	anu := w.person(w.admin, "anu")
	for name, do := range map[string]func(ctx context.Context, g, u ref.Ref) error{
		"add":     func(ctx context.Context, g, u ref.Ref) error { return w.AddMember(ctx, g, u, false) },
		"replace": func(ctx context.Context, g, u ref.Ref) error { return w.AddMember(ctx, g, u, true) },
		"remove":  w.RemoveMember,
	} {
		for _, unknown := range []ref.Ref{id("nothing"), id("ANU"), id(""), id("\x00"), ref.ByID(1 << 40), ref.ByID(-1)} {
			require.ErrorIs(t, do(w.admin, unknown, id("anu")), group.ErrUnknown, name)
			require.ErrorIs(t, do(w.admin, id("A"), unknown), people.ErrUserUnknown, name)
		}
		require.ErrorIs(t, do(w.foreign, id("A"), id("foreign")), group.ErrUnknown, name)
		require.ErrorIs(t, do(w.foreign, ref.ByID(w.get("A").ID), id("foreign")), group.ErrUnknown, name)
		require.ErrorIs(t, do(w.foreign, id("A"), ref.ByID(anu.ID)), people.ErrUserUnknown, name)
	}
	_, err := w.GroupsOf(w.admin, id("nobody"), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = w.GroupsOf(w.admin, id(""), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = w.GroupsOf(w.foreign, ref.ByID(anu.ID), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = w.GroupsOf(w.admin, id("anu"), "Nowhere")
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)

	// The deleted are unknown; INACTIVE people keep and get memberships.
	w.exec(`UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": anu.ID})
	require.NoError(t, w.AddMember(w.admin, id("A"), id("anu"), false))
	require.Equal(t, []string{"A"}, w.groupsOf("anu"))
	w.exec(`UPDATE users SET status = 'DELETED' WHERE id = @id`, store.Args{"id": anu.ID})
	require.ErrorIs(t, w.AddMember(w.admin, id("A"), id("anu"), false), people.ErrUserUnknown)
	_, err = w.GroupsOf(w.admin, id("anu"), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
}

func TestWhoLeavesLosesMemberships(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("N", "REGIONAL", "A", in("North"))
	w.put("N2", "TURMA", "N", in("North"))
	w.put("S", "REGIONAL", "A", in("South"))
	anu, ben, eva := w.person(w.admin, "anu"), w.person(w.admin, "ben"), w.person(w.admin, "eva")
	for _, u := range []string{"anu", "ben", "eva"} {
		for _, g := range []string{"A", "N", "N2", "S"} {
			require.NoError(t, w.AddMember(w.admin, id(g), id(u), false))
		}
	}
	w.told.forget()
	require.Error(t, w.UsersGone(w.admin, eva.ID), "without a transaction")
	require.NoError(t, w.db.InTx(w.admin, func(ctx context.Context) error { return w.UsersLeft(ctx, w.north.ID, ben.ID, anu.ID) }))
	require.Equal(t, []int64{anu.ID, ben.ID}, w.told.forget(), "each once")
	require.Equal(t, []string{"A", "S"}, w.groupsOf("anu"))
	require.Equal(t, []string{"A", "N", "N2", "S"}, w.groupsOf("eva"))
	require.EqualValues(t, 2, w.audited("group.member_removed", w.get("N2").ID))
	require.NoError(t, w.db.InTx(w.admin, func(ctx context.Context) error { return w.UsersGone(ctx, anu.ID, eva.ID) }))
	require.Empty(t, w.groupsOf("anu"))
	require.Empty(t, w.groupsOf("eva"))
	require.Equal(t, []string{"A", "S"}, w.groupsOf("ben"))

	// Another account's request takes nothing away.
	require.NoError(t, w.db.InTx(w.foreign, func(ctx context.Context) error { return w.UsersGone(ctx, ben.ID) }))
	require.NoError(t, w.db.InTx(w.foreign, func(ctx context.Context) error { return w.UsersLeft(ctx, w.south.ID, ben.ID) }))
	require.Equal(t, []string{"A", "S"}, w.groupsOf("ben"))
}

func TestListsOfMembers(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("R", "REGIONAL", "A")
	w.put("T", "TURMA", "R")
	w.put("B", "CONTA", "")
	var users []string
	for n := range 7 {
		name := fmt.Sprint("u", n)
		w.person(w.admin, name)
		users = append(users, name)
	}
	members := map[string][]string{"A": users[:2], "T": users[1:6], "B": users[5:]}
	for g, of := range members {
		for _, u := range of {
			require.NoError(t, w.AddMember(w.admin, id(g), id(u), false))
		}
	}
	read := func(ctx context.Context, f group.MemberFilter) (out []string) {
		for {
			before := w.db.Statements()
			page, next, err := w.Members(ctx, f)
			require.NoError(t, err)
			require.EqualValues(t, 1, w.db.Statements()-before)
			require.LessOrEqual(t, len(page), f.Limit)
			for _, m := range page {
				out = append(out, m.GroupIdentifier+" "+*m.UserIdentifier)
				require.Equal(t, *m.UserIdentifier, m.Name)
				require.Equal(t, m.Name+"@mail.test", *m.Email)
				require.Equal(t, models.StatusActive, m.Status)
				require.False(t, m.Since.IsZero())
			}
			if next == nil {
				return out
			}
			f.After = *next
		}
	}
	a, b := w.get("A").ID, w.get("B").ID
	for _, limit := range []int{1, 2, 3, 100} {
		require.Equal(t, []string{"A u0", "A u1"}, read(w.admin, group.MemberFilter{GroupIDs: []int64{a}, Limit: limit}))
		require.Equal(t, []string{"A u0", "A u1", "T u1", "T u2", "T u3", "T u4", "T u5"}, read(w.admin, group.MemberFilter{GroupIDs: []int64{a}, Recursive: true, Limit: limit}))
		require.Equal(t, []string{"A u0", "A u1", "B u5", "B u6"}, read(w.admin, group.MemberFilter{GroupIDs: []int64{b, a, a}, Identifiers: []string{"A", "\x00"}, Limit: limit}))
	}
	require.Empty(t, read(w.admin, group.MemberFilter{Identifiers: []string{"R", "nothing"}, GroupIDs: []int64{1 << 40}, Limit: 3}))
	require.Empty(t, read(w.foreign, group.MemberFilter{GroupIDs: []int64{a, b}, Recursive: true, Limit: 3}))
	_, _, err := w.Members(w.admin, group.MemberFilter{GroupIDs: make([]int64, 150), Identifiers: make([]string, 51)})
	require.Equal(t, "groups:too_long", ruleOf(t, err))
	_, next, err := w.Members(w.admin, group.MemberFilter{GroupIDs: []int64{a}})
	require.NoError(t, err)
	require.Nil(t, next)
}

func TestUsersWithTheirGroups(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("T", "TURMA", "A")
	anu, ben, eva := w.person(w.admin, "anu"), w.person(w.admin, "ben"), w.person(w.admin, "eva")
	for _, g := range []string{"T", "A"} {
		require.NoError(t, w.AddMember(w.admin, id(g), id("eva"), false))
	}
	w.exec(`INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account, @user, @north)`,
		store.Args{"account": ben.AccountID, "user": ben.ID, "north": w.north.ID})
	w.exec(`UPDATE users SET organization_id = @north WHERE id = @id`, store.Args{"north": w.north.ID, "id": eva.ID})
	w.exec(`UPDATE users SET status = 'DELETED' WHERE id = @id`, store.Args{"id": anu.ID})
	read := func(ctx context.Context, f group.UserFilter) (out []string) {
		for {
			before := w.db.Statements()
			page, next, err := w.Users(ctx, f)
			require.NoError(t, err)
			require.LessOrEqual(t, w.db.Statements()-before, int64(2))
			for _, u := range page {
				line := *u.User.Identifier
				for _, g := range u.Groups {
					line += " " + g.Identifier
				}
				out = append(out, line)
			}
			if next == 0 {
				return out
			}
			f.After = next
		}
	}
	for _, limit := range []int{1, 2, 100} {
		require.Equal(t, []string{"admin", "learner", "ben", "eva A T"}, read(w.admin, group.UserFilter{Limit: limit}))
		require.Equal(t, []string{"ben", "eva A T"}, read(w.admin, group.UserFilter{OrganizationID: w.north.ID, Limit: limit}))
	}
	require.Equal(t, []string{"foreign"}, read(w.foreign, group.UserFilter{}))
	require.Empty(t, read(w.foreign, group.UserFilter{OrganizationID: w.north.ID}))
}

package people

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// maxTries bounds how often a change begins anew that lost a race.
const maxTries = 5

// errRaced ends a transaction that somebody else was faster than: what they
// wrote is seen by the next one.
var errRaced = errors.New("people: somebody else was faster")

// UpsertExternal makes the person with an identifier or changes them, for an
// administrator, and tells whether they were made. Somebody who has no
// identifier yet is adopted by their user name, which is the address of who has
// none. A new person gets the default role besides the possible ones, so that
// they can sign in everywhere; no mail is sent. A new password ends the sessions,
// a change that changes nothing writes nothing. However many make one person at
// the same time, one does and the others change. Errors: models.ErrForbidden, an
// invalid input, ErrOrganizationUnknown (the sub-account), ErrUsernameTaken,
// ErrEmailTaken, ErrLastAdmin.
func (s *Service) UpsertExternal(ctx context.Context, c ExternalChange) (created bool, err error) {
	if err := requireAdmin(ctx); err != nil {
		return false, err
	}
	if err := c.check(); err != nil {
		return false, err
	}
	secret, err := s.newSecret(ctx, c)
	if err != nil {
		return false, err
	}
	for try := 1; ; try++ {
		var lost error
		err = s.db.InSavepoint(ctx, func(ctx context.Context) error {
			created, lost, err = s.upsertExternal(ctx, c, secret)
			return err
		})
		if !errors.Is(err, errRaced) {
			return created && err == nil, err
		}
		// Who was faster made the person that is meant, or one who has what this
		// one wants.
		if meant, err := s.named(ctx, c); err != nil || !meant || try == maxTries {
			return false, errors.Join(err, lost)
		}
	}
}

// named tells whether a change finds somebody.
func (s *Service) named(ctx context.Context, c ExternalChange) (found bool, err error) {
	args, where := c.names()
	err = s.db.Query(ctx, &found, `SELECT EXISTS (SELECT FROM users u WHERE `+where+`)`, args)
	return found, err
}

// newSecret makes the hash of a password that is new. It takes long, so it is
// done before anybody is locked.
func (s *Service) newSecret(ctx context.Context, c ExternalChange) (n secret, err error) {
	if c.Password == nil {
		return n, nil
	}
	args, where := c.names()
	err = s.db.Query(ctx, &n, `SELECT u.id AS user_id, coalesce(c.password_hash, '') AS hash FROM users u LEFT JOIN user_credentials c ON c.user_id = u.id
		WHERE `+where, args)
	if err != nil {
		return n, fmt.Errorf("people: password: %w", err)
	}
	if n.Hash != "" {
		if same, _, err := s.auth.Passwords().Match(ctx, *c.Password, n.Hash); err != nil || same {
			return secret{}, err
		}
	}
	n.Hash, err = s.auth.Passwords().Hash(ctx, *c.Password)
	return n, err
}

// secret is the hash of a new password, and whose it was when it was made.
type secret struct {
	UserID int64
	Hash   string // "": the password stays
}

// names is how a change finds a person, in SQL: who has the identifier, else who
// has the user name and no identifier.
func (c ExternalChange) names() (store.Args, string) {
	return store.Args{"identifier": c.Identifier, "login": c.Username}, `u.account_id = @account_id AND u.status <> 'DELETED'
		AND (u.identifier = @identifier OR u.identifier IS NULL AND lower(` + loginSQL + `) = lower(CAST(@login AS text)))
		ORDER BY u.identifier LIMIT 1` // null sorts last
}

// upsertExternal is UpsertExternal in a transaction. With errRaced it also gives
// the refusal that holds when the race is lost again and again.
func (s *Service) upsertExternal(ctx context.Context, c ExternalChange, n secret) (created bool, lost, err error) {
	var subAccount int64
	if c.SubAccount != nil { // organizations are locked before people
		if subAccount, err = s.SubAccount(ctx, *c.SubAccount); err != nil {
			return false, nil, err
		}
	}
	if n.Hash != "" && n.UserID != 0 { // and the credential too, as a sign-in does
		if _, err = s.db.Exec(ctx, `SELECT user_id FROM user_credentials WHERE user_id = @user AND account_id = @account_id FOR UPDATE`,
			store.Args{"user": n.UserID}); err != nil {
			return false, nil, err
		}
	}
	var u models.User
	args, where := c.names()
	if err := s.db.Query(ctx, &u, `SELECT u.* FROM users u WHERE `+where+` FOR NO KEY UPDATE`, args); err != nil {
		return false, nil, err
	}
	if u.ID == 0 {
		if err := c.complete(); err != nil {
			return false, nil, err
		}
		lost, err = s.insertExternal(ctx, c, n, subAccount)
		return true, lost, err
	}
	lost, err = s.updateExternal(ctx, u, c, n, subAccount)
	return false, lost, err
}

// taken tells which value of a written person somebody else has.
func taken(err error) error {
	switch {
	case store.Violates(err, "users_identifier"):
		return ErrIdentifierTaken.With(err)
	case store.Violates(err, "users_login"):
		return ErrUsernameTaken.With(err)
	case store.Violates(err, "users_email"):
		return ErrEmailTaken.With(err)
	}
	return nil
}

// insertExternal writes a new person. What is taken may be so by a person whom
// somebody else has made meanwhile and who is to be changed.
func (s *Service) insertExternal(ctx context.Context, c ExternalChange, n secret, subAccount int64) (lost, err error) {
	home := subAccount
	if home == 0 {
		if err := s.db.Query(ctx, &home, `SELECT id FROM organizations WHERE account_id = @account_id AND is_default`, nil); err != nil {
			return nil, err
		}
	}
	u := models.User{OrganizationID: home, Identifier: &c.Identifier, Username: c.Username, Email: c.Email.Value, Name: *c.FirstName + " " + *c.LastName,
		FirstName: c.FirstName, LastName: c.LastName, Status: models.StatusActive, Location: pq.StringArray{}, Languages: pq.StringArray{}, PreferredLanguage: "en"}
	if c.Active != nil && !*c.Active {
		u.Status = models.StatusInactive
	}
	if err := s.db.Conn(ctx).Create(&u).Error; err != nil {
		if lost := taken(err); lost != nil {
			return lost, errRaced
		}
		return nil, fmt.Errorf("people: new user: %w", err)
	}
	if c.PossibleRoles == nil {
		c.PossibleRoles = []string{models.PossibleRoleLearner}
	}
	if _, err := s.setPossibleRoles(ctx, u.ID, c.PossibleRoles, true); err != nil {
		return nil, err
	}
	if _, err := s.setDetails(ctx, u.ID, c); err != nil {
		return nil, err
	}
	if err := s.setPassword(ctx, u.ID, n); err != nil {
		return nil, err
	}
	return nil, audit.Write(ctx, s.db, audit.Event{Action: "user.created", SubjectType: "user", SubjectID: u.ID, OrganizationID: &home,
		Data: map[string]any{"roles": c.PossibleRoles}})
}

// updateExternal changes a person whom the transaction has locked.
func (s *Service) updateExternal(ctx context.Context, u models.User, c ExternalChange, n secret, subAccount int64) (lost, err error) {
	set, err := c.columns(u)
	if err != nil {
		return nil, err
	}
	changed := make([]string, 0, len(set))
	for column := range set {
		changed = append(changed, column)
	}
	note := func(what string, did bool, err error) error {
		if did {
			changed = append(changed, what)
		}
		return err
	}
	did, err := s.setDetails(ctx, u.ID, c)
	if err := note("details", did, err); err != nil {
		return nil, err
	}
	if c.PossibleRoles != nil {
		did, err := s.setPossibleRoles(ctx, u.ID, c.PossibleRoles, false)
		if err := note("possible_roles", did, err); err != nil {
			return nil, err
		}
	}
	if n.Hash != "" {
		if err := note("password", true, s.setPassword(ctx, u.ID, n)); err != nil {
			return nil, err
		}
		if _, err := s.auth.CloseUserSessions(ctx, auth.EndPasswordReset, u.ID); err != nil {
			return nil, err
		}
	}
	if subAccount != 0 {
		did, err := s.enter(ctx, u, UserChange{OrganizationID: &subAccount})
		if err := note("sub_account", did, err); err != nil {
			return nil, err
		}
	}
	if len(changed) > 0 {
		// Even if it is something apart that changed, the person has.
		set["updated_at"] = s.db.Conn(ctx).NowFunc()
		if err := s.db.Conn(ctx).Model(&models.User{}).Where("id = ?", u.ID).Updates(set).Error; err != nil {
			switch lost := taken(err); {
			case errors.Is(lost, ErrIdentifierTaken): // while this one was being adopted
				return lost, errRaced
			case lost != nil:
				return nil, lost
			}
			return nil, fmt.Errorf("people: change user: %w", err)
		}
		slices.Sort(changed)
		if err := audit.Write(ctx, s.db, audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
			Data: map[string]any{"changed": changed}}); err != nil {
			return nil, err
		}
	}
	if c.Active == nil {
		return nil, nil
	}
	return nil, s.setActive(ctx, u, *c.Active, true)
}

// columns gives the columns of users that a change makes differ.
func (c ExternalChange) columns(u models.User) (map[string]any, error) {
	set := map[string]any{}
	differs := func(column string, stored, given *string) {
		if given != nil && (stored == nil || *stored != *given) {
			set[column] = *given
		}
	}
	differs("identifier", u.Identifier, &c.Identifier)
	differs("username", u.Username, c.Username)
	if c.Email.Sent {
		differs("email", u.Email, c.Email.Value)
		if u.Email != nil && c.Email.Value == nil {
			set["email"] = nil
			if u.Username == nil && c.Username == nil { // nobody is without a name
				set["username"] = *u.Email
			}
		}
		if _, other := set["email"]; other {
			set["email_verified"] = false
		}
	}
	return set, nameColumns(set, u, c.FirstName, c.LastName)
}

// nameColumns adds to the columns of users what new parts of a name make differ.
func nameColumns(set map[string]any, u models.User, newFirst, newLast *string) error {
	if newFirst == nil && newLast == nil {
		return nil
	}
	first, last := NameParts(u)
	if newFirst != nil {
		first = *newFirst
	}
	if newLast != nil {
		last = *newLast
	}
	name := first
	if last != "" {
		name += " " + last
	}
	if u.FirstName == nil || *u.FirstName != first {
		set["first_name"] = first
	}
	if u.LastName == nil || *u.LastName != last {
		set["last_name"] = last
	}
	if u.Name != name {
		set["name"] = name
	}
	var r rules
	r.wholeName(first, last)
	return r.Err()
}

// setDetails writes what a change says of user_details, and tells whether it
// was something new.
func (s *Service) setDetails(ctx context.Context, userID int64, c ExternalChange) (bool, error) {
	if !c.Phone.Sent && !c.Address.Sent && c.CustomAttributes == nil {
		return false, nil
	}
	args := store.Args{"user": userID, "phone": c.Phone.Value, "new_phone": c.Phone.Sent, "address": c.Address.Value, "new_address": c.Address.Sent,
		"attributes": nil, "new_attributes": c.CustomAttributes != nil}
	if c.CustomAttributes != nil {
		args["attributes"] = string(c.CustomAttributes)
	}
	n, err := s.db.Exec(ctx, `INSERT INTO user_details AS d (user_id, account_id, phone, address, custom_attributes)
		SELECT @user, @account_id, CAST(@phone AS text), CAST(@address AS text), coalesce(CAST(@attributes AS jsonb), '{}')
			WHERE CAST(@phone AS text) IS NOT NULL OR CAST(@address AS text) IS NOT NULL OR CAST(@attributes AS jsonb) <> '{}'
				OR EXISTS (SELECT FROM user_details WHERE user_id = @user AND account_id = @account_id)
		ON CONFLICT (user_id) DO UPDATE SET updated_at = now(),
			phone = CASE WHEN @new_phone THEN excluded.phone ELSE d.phone END,
			address = CASE WHEN @new_address THEN excluded.address ELSE d.address END,
			custom_attributes = CASE WHEN @new_attributes THEN excluded.custom_attributes ELSE d.custom_attributes END
		WHERE d.account_id = @account_id AND (@new_phone AND d.phone IS DISTINCT FROM excluded.phone
			OR @new_address AND d.address IS DISTINCT FROM excluded.address
			OR @new_attributes AND d.custom_attributes <> excluded.custom_attributes)`, args)
	if err != nil {
		return false, fmt.Errorf("people: details: %w", err)
	}
	return n > 0, nil
}

// setPassword stores a new password.
func (s *Service) setPassword(ctx context.Context, userID int64, n secret) error {
	if n.Hash == "" {
		return nil
	}
	if _, err := s.db.Exec(ctx, `INSERT INTO user_credentials (user_id, account_id, password_hash) VALUES (@user, @account_id, @hash)
		ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, updated_at = now()
		WHERE user_credentials.account_id = @account_id`, store.Args{"user": userID, "hash": n.Hash}); err != nil {
		return fmt.Errorf("people: password: %w", err)
	}
	return nil
}

const setPossibleRoles = `WITH wanted AS (
		SELECT id, lower(title) AS title FROM roles WHERE account_id = @account_id AND deleted_at IS NULL AND (lower(title) = ANY(CAST(@titles AS text[]))
			OR @with_default AND lower(title) = @default AND status = 'ACTIVE' AND user_type = 0)
	), gone AS (
		DELETE FROM user_roles ur USING roles r WHERE ur.account_id = @account_id AND ur.user_id = @user AND r.id = ur.role_id AND r.deleted_at IS NULL
			AND lower(r.title) = ANY(CAST(@possible AS text[])) AND lower(r.title) <> ALL(CAST(@titles AS text[])) RETURNING 1
	), given AS (
		INSERT INTO user_roles (account_id, user_id, role_id) SELECT @account_id, @user, id FROM wanted ON CONFLICT DO NOTHING RETURNING role_id
	), lapsed AS (
		UPDATE user_details SET permissions = '{}', updated_at = now() WHERE user_id = @user AND account_id = @account_id AND permissions <> '{}'
			AND (@instructor <> ALL(CAST(@titles AS text[])) OR EXISTS (SELECT FROM given JOIN wanted ON wanted.id = role_id WHERE title = @instructor))
	)
	SELECT (SELECT count(*) FROM wanted WHERE title <> @default) AS known, (SELECT count(*) FROM gone) + (SELECT count(*) FROM given) AS changed`

// setPossibleRoles replaces the possible roles that a locked user holds, and
// tells whether they differ. What only an instructor can have lapses with the
// role. With withDefault the default role is given besides.
func (s *Service) setPossibleRoles(ctx context.Context, userID int64, titles []string, withDefault bool) (bool, error) {
	args := store.Args{"user": userID, "titles": pq.StringArray(titles), "possible": pq.StringArray(models.PossibleRoles), "with_default": withDefault,
		"default": models.RoleMentee, "instructor": models.PossibleRoleInstructor}
	changed := false
	for range maxTries {
		var out struct{ Known, Changed int64 }
		if err := s.db.Query(ctx, &out, setPossibleRoles, args); err != nil {
			return false, fmt.Errorf("people: possible roles: %w", err)
		}
		changed = changed || out.Changed > 0
		if out.Known == int64(len(titles)) {
			return changed, nil
		}
		if err := s.ensureRoles(ctx, titles); err != nil {
			return false, err
		}
	}
	return false, models.ErrUnavailable.With(errors.New("people: possible roles are deleted as fast as they are made"))
}

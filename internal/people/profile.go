package people

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"
	"gorm.io/gorm/clause"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// Most of what a profile holds.
const (
	maxCodes   = 100   // of a list of codes
	maxAbout   = 2_000 // characters
	maxAddress = 2_048 // characters of the image's address
)

// ProfileChange is what a person changes of the own profile; nil stays as it
// is. Gender, places and languages are codes.
type ProfileChange struct {
	Name              *string
	About             *string   // "": none
	Image             *string   // address of a picture; "": none
	Gender            *string   // "": none
	Location          *[]string // as are Languages: in the person's order
	Languages         *[]string
	PreferredLanguage *string
	AcceptedTerms     *bool // the time of the first acceptance is kept; false takes it back
}

// Codes knows which codes a profile may hold.
type Codes interface {
	// Check refuses codes that a closed list of the caller's organization lacks.
	// They are given under the names of their fields: gender, location,
	// languages, preferred_language. Errors: an invalid input that names fields.
	Check(ctx context.Context, codes map[string][]string) error
}

// CheckCodes has the codes of profiles checked. It is called while the program
// is put together; without it every code will do.
func (s *Service) CheckCodes(c Codes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = c
}

// ChangeProfile changes the caller's own profile and gives it as it is then:
// two statements and one for codes, none when nothing is to change. Errors: an invalid input,
// ErrUserUnknown when the caller has gone meanwhile.
func (s *Service) ChangeProfile(ctx context.Context, c ProfileChange) (Person, error) {
	me, ok := auth.IdentityFrom(ctx)
	if !ok {
		return Person{}, models.ErrUnauthenticated
	}
	set, err := s.profileColumns(ctx, me.User, c)
	if err != nil {
		return Person{}, err
	}
	who := Person{User: me.User, Roles: me.Roles}
	if len(set) == 0 {
		return who, nil
	}
	changed := make([]string, 0, len(set))
	for column := range set {
		changed = append(changed, column)
	}
	slices.Sort(changed)
	if _, renamed := set["name"]; renamed { // as a whole: its parts are not known any more
		set["first_name"], set["last_name"] = nil, nil
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var u models.User
		res := s.db.Conn(ctx).Model(&u).Clauses(clause.Returning{}).Where("id = ? AND status = ?", me.User.ID, models.StatusActive).Updates(set)
		switch {
		case res.Error != nil:
			return fmt.Errorf("people: profile: %w", res.Error)
		case res.RowsAffected == 0:
			return ErrUserUnknown
		}
		who.User = u
		return audit.Write(ctx, s.db, audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
			Data: map[string]any{"changed": changed}})
	})
	if err != nil {
		return Person{}, err
	}
	return who, nil
}

// profileColumns checks a change and gives the columns that differ.
func (s *Service) profileColumns(ctx context.Context, u models.User, c ProfileChange) (map[string]any, error) {
	var r rules
	set := map[string]any{}
	if c.Name != nil {
		if name := r.name("name", *c.Name); name != u.Name {
			set["name"] = name
		}
	}
	for _, t := range []struct {
		column string
		given  *string
		stored *string
		most   int
	}{{"about", c.About, u.About, maxAbout}, {"image", c.Image, u.Image, maxAddress}, {"gender", c.Gender, u.Gender, maxCode}} {
		if t.given == nil {
			continue
		}
		switch value := r.text(t.column, *t.given, t.most, false); {
		case value == "" && t.stored != nil:
			set[t.column] = nil
		case value != "" && (t.stored == nil || value != *t.stored):
			set[t.column] = value
		}
	}
	for _, l := range []struct {
		column string
		given  *[]string
		stored []string
	}{{"location", c.Location, u.Location}, {"languages", c.Languages, u.Languages}} {
		if l.given == nil {
			continue
		}
		if codes := r.codes(l.column, *l.given); !slices.Equal(codes, l.stored) {
			set[l.column] = pq.StringArray(codes)
		}
	}
	if c.PreferredLanguage != nil {
		if language := r.text("preferred_language", *c.PreferredLanguage, maxCode, true); language != u.PreferredLanguage {
			set["preferred_language"] = language
		}
	}
	if c.AcceptedTerms != nil && *c.AcceptedTerms != (u.AcceptedTermsAt != nil) {
		set["accepted_terms_at"] = nil
		if *c.AcceptedTerms {
			set["accepted_terms_at"] = time.Now().UTC()
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return set, s.checkCodes(ctx, set)
}

// checkCodes has the new ones among the codes checked: what is stored may stay
// when a list was closed later.
func (s *Service) checkCodes(ctx context.Context, set map[string]any) error {
	s.mu.RLock()
	known := s.codes
	s.mu.RUnlock()
	codes := map[string][]string{}
	for _, field := range []string{models.EntityTypeGender, models.EntityTypeLocation, models.EntityTypeLanguages, models.EntityTypePreferredLanguage} {
		switch value := set[field].(type) {
		case string:
			codes[field] = []string{value}
		case pq.StringArray:
			codes[field] = value
		}
	}
	if known == nil || len(codes) == 0 {
		return nil
	}
	if err := known.Check(ctx, codes); err != nil {
		return fmt.Errorf("people: codes: %w", err)
	}
	return nil
}

// codes checks a list of codes and gives it trimmed and without repetitions.
func (r *rules) codes(field string, values []string) []string {
	if len(values) > maxCodes {
		r.Bad(field, input.TooLong, "are too many")
		return nil
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		if !r.Text(field, &v, maxCode) {
			return nil // one mistake is enough to say
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// AcceptTerms records that the caller accepted the terms, and that the e-mail
// address is theirs. The first time counts. Two statements, none when there is
// nothing to record. Errors: ErrUserUnknown when the caller has gone meanwhile.
func (s *Service) AcceptTerms(ctx context.Context) error {
	me, ok := auth.IdentityFrom(ctx)
	if !ok {
		return models.ErrUnauthenticated
	}
	if me.User.AcceptedTermsAt != nil && me.User.EmailVerified {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		n, err := s.db.Exec(ctx, `UPDATE users SET accepted_terms_at = coalesce(accepted_terms_at, now()), email_verified = true, updated_at = now()
			WHERE id = @id AND account_id = @account_id AND status = 'ACTIVE'`, store.Args{"id": me.User.ID})
		switch {
		case err != nil:
			return fmt.Errorf("people: terms: %w", err)
		case n == 0:
			return ErrUserUnknown
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "user.terms_accepted", SubjectType: "user", SubjectID: me.User.ID, OrganizationID: &me.User.OrganizationID})
	})
}

// shareLinkBytes make 32 hexadecimal digits: nobody guesses one.
const shareLinkBytes = 16

// ShareLink gives the key under which a profile is shared. It is made once:
// however many ask at the same time, all get the same. At most two statements.
// Errors: ErrUserUnknown, also for the deleted.
func (s *Service) ShareLink(ctx context.Context, userID int64) (string, error) {
	who, err := s.Profile(ctx, userID)
	if err != nil {
		return "", err
	}
	if who.User.ShareLink != nil {
		return *who.User.ShareLink, nil
	}
	key := make([]byte, shareLinkBytes)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	var link string
	err = s.db.Query(ctx, &link, `UPDATE users SET share_link = coalesce(share_link, @link) WHERE id = @id AND account_id = @account_id AND status <> 'DELETED'
		RETURNING share_link`, store.Args{"id": userID, "link": hex.EncodeToString(key)})
	if err != nil {
		return "", fmt.Errorf("people: share link: %w", err)
	}
	if link == "" {
		return "", ErrUserUnknown
	}
	return link, nil
}

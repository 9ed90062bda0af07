package learning

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ChannelChange is what a calling system wants a channel to be. Nil fields
// stay as they are.
type ChannelChange struct {
	Identifier string
	Name       *string              // needed for a new one
	Type       *models.CourseType   // needed for a new one, fixed afterwards
	Status     *models.CourseStatus // ACTIVE or INACTIVE; a new one is ACTIVE
	SubAccount input.Field[string]  // by name; cleared: the account itself
}

func (in *ChannelChange) check() error {
	var c check
	c.identifier("identifier", in.Identifier)
	c.name(in.Name)
	input.OneOf(&c.Check, "type", in.Type, models.CourseTypes...)
	input.OneOf(&c.Check, "status", in.Status, models.CourseActive, models.CourseInactive)
	return c.Err()
}

// UpsertChannel makes the channel with this identifier or changes it, for an
// admin. Of many who make it at once one creates it and the others change it:
// the unique index decides. A status that is given is set, on a draft too, which
// publishes it or withdraws it. Errors: an invalid input, what a sub-account
// that does not exist gives, ErrIdentifierTaken for the identifier of a master
// or of a course that is out of reach.
func (s *Service) UpsertChannel(ctx context.Context, in ChannelChange) (created bool, err error) {
	if err := in.check(); err != nil {
		return false, err
	}
	err = s.change(ctx, "upsert channel", func(ctx context.Context) ([]audit.Event, error) {
		for { // ends: with the identifier taken it is found, unless it is deleted in between
			old, err := s.lockIdentifier(ctx, in.Identifier)
			if err != nil {
				return nil, err
			}
			if old.ID != 0 {
				return s.changeChannel(ctx, old, in)
			}
			event, err := s.newChannel(ctx, in)
			if err != nil {
				return nil, err
			}
			if event != nil {
				created = true
				return []audit.Event{*event}, nil
			}
		}
	})
	return created, err
}

// newChannel makes a channel; nil when somebody else just did.
func (s *Service) newChannel(ctx context.Context, in ChannelChange) (*audit.Event, error) {
	var c check
	c.given("name", in.Name != nil)
	c.given("type", in.Type != nil)
	if err := c.Err(); err != nil {
		return nil, err
	}
	row := models.Course{Identifier: in.Identifier, Name: *in.Name, Type: *in.Type, Status: models.CourseActive}
	if in.Status != nil {
		row.Status = *in.Status
	}
	var err error
	if row.OrganizationID, err = s.subAccountID(ctx, in.SubAccount, nil); err != nil {
		return nil, err
	}
	made, err := s.insert(ctx, row)
	if err != nil || made.ID == 0 {
		return nil, err
	}
	event := courseEvent("course.created", made, facts(made))
	return &event, nil
}

// changeChannel brings a channel, which is locked, to what is wanted.
func (s *Service) changeChannel(ctx context.Context, old reached, in ChannelChange) ([]audit.Event, error) {
	organization, err := s.subAccountID(ctx, in.SubAccount, old.OrganizationID)
	if err != nil {
		return nil, err
	}
	if old.Master || !old.InReach {
		return nil, ErrIdentifierTaken
	}
	if err := fixedType(in.Type, old.Type); err != nil {
		return nil, err
	}
	to := old.Course
	to.OrganizationID = organization
	if in.Name != nil {
		to.Name = *in.Name
	}
	if in.Status != nil {
		to.Status = *in.Status
	}
	return s.update(ctx, old.Course, &to)
}

// InstanceInput is what a calling system wants made from a master.
type InstanceInput struct {
	Identifier string
	Master     string              // its identifier
	Name       *string             // nil: the master's, or as it is
	SubAccount input.Field[string] // by name; not sent: the master's, or as it is
}

func (in *InstanceInput) check() error {
	var c check
	c.identifier("identifier", in.Identifier)
	c.identifier("master", in.Master)
	c.name(in.Name)
	return c.Err()
}

// errNoMaster: instances are made of published masters only.
func errNoMaster(text string) error {
	var c check
	c.Bad("master", input.Invalid, text)
	return c.Err()
}

// CreateInstance makes a channel from a published master, with the master's
// categories and duration, or changes name and sub-account of the channel that
// has been made from it under this identifier. For an admin. Errors: an invalid
// input, ErrMasterUnknown, what a sub-account that does not exist gives,
// ErrIdentifierTaken for the identifier of any other course.
func (s *Service) CreateInstance(ctx context.Context, in InstanceInput) error {
	if err := in.check(); err != nil {
		return err
	}
	return s.change(ctx, "create instance", func(ctx context.Context) ([]audit.Event, error) {
		master, err := s.find(ctx, ref.ByIdentifier(in.Master), "true", "FOR SHARE OF c")
		switch {
		case models.KindOf(err) == models.KindNotFound:
			return nil, ErrMasterUnknown
		case err != nil:
			return nil, err
		case !master.Master:
			return nil, errNoMaster("is a channel, not a master")
		case !master.Published:
			return nil, errNoMaster("is not published")
		}
		organization, err := s.subAccountID(ctx, in.SubAccount, master.OrganizationID)
		switch {
		case err != nil:
			return nil, err
		case in.Identifier == in.Master: // which must not be locked anew: two callers would wait for each other
			return nil, ErrIdentifierTaken
		}
		for { // as in UpsertChannel
			old, err := s.lockIdentifier(ctx, in.Identifier)
			if err != nil {
				return nil, err
			}
			if old.ID != 0 {
				return s.changeInstance(ctx, old, master.Course, organization, in)
			}
			row := models.Course{
				OrganizationID: organization, Identifier: in.Identifier, Name: master.Name, Type: models.CourseTypeCourse, Status: models.CourseActive,
				DurationMS: master.DurationMS, Categories: master.Categories, MasterID: &master.ID,
			}
			if in.Name != nil {
				row.Name = *in.Name
			}
			made, err := s.insert(ctx, row)
			if err != nil {
				return nil, err
			}
			if made.ID != 0 {
				return []audit.Event{courseEvent("course.created", made, facts(made))}, nil
			}
		}
	})
}

func (s *Service) changeInstance(ctx context.Context, old reached, master models.Course, organization *int64, in InstanceInput) ([]audit.Event, error) {
	if !old.InReach || old.MasterID == nil || *old.MasterID != master.ID {
		return nil, ErrIdentifierTaken
	}
	to := old.Course
	if in.Name != nil {
		to.Name = *in.Name
	}
	if in.SubAccount.Sent {
		to.OrganizationID = organization
	}
	return s.update(ctx, old.Course, &to)
}

// reached is a course and whether calling systems reach it.
type reached struct {
	models.Course
	InReach bool
}

// lockIdentifier reads what has an identifier, master or channel, in reach or
// not, and keeps others from changing it. Nothing has the zero value.
func (s *Service) lockIdentifier(ctx context.Context, identifier string) (reached, error) {
	var c reached
	err := s.db.Query(ctx, &c, `SELECT c.*, `+inReach+` AS in_reach FROM courses c LEFT JOIN organizations o ON o.id = c.organization_id
		WHERE c.account_id = @account_id AND c.identifier = @identifier FOR NO KEY UPDATE OF c`, store.Args{"identifier": identifier})
	return c, err
}

// subAccountID is the organization that is meant: the one named, none, or,
// when nothing was sent, the one given.
func (s *Service) subAccountID(ctx context.Context, name input.Field[string], otherwise *int64) (*int64, error) {
	switch {
	case !name.Sent:
		return otherwise, nil
	case name.Value == nil:
		return nil, nil //nolint:nilnil // no organization is one of the answers
	}
	id, err := s.subAccount(ctx, *name.Value)
	if err != nil {
		return nil, err
	}
	return &id, nil
}

// insert adds a course. The zero Course is given when its identifier is taken.
func (s *Service) insert(ctx context.Context, c models.Course) (models.Course, error) {
	var made models.Course
	err := s.db.Query(ctx, &made, `INSERT INTO courses (account_id, organization_id, identifier, name, type, status, duration_ms, categories, master_id)
		VALUES (@account_id, @organization, @identifier, @name, @type, @status, @duration, @categories, @master)
		ON CONFLICT (account_id, identifier) DO NOTHING RETURNING *`, store.Args{
		"organization": c.OrganizationID, "identifier": c.Identifier, "name": c.Name, "type": c.Type, "status": c.Status,
		"duration": c.DurationMS, "categories": texts(c.Categories), "master": c.MasterID,
	})
	return made, err
}

// texts is a list for a column that takes no NULL.
func texts(list []string) pq.StringArray { return append(pq.StringArray{}, list...) }

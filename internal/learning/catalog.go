package learning

import (
	"context"

	"quad/internal/audit"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// CatalogItem is the entry of a channel in the catalogue, and where.
type CatalogItem struct {
	models.CatalogItem
	Link string `gorm:"-"` // address of its page
}

// linked tells where the entry is.
func (s *Service) linked(item CatalogItem) CatalogItem {
	item.Link = s.public + "/catalog/" + item.PublicID
	return item
}

// CatalogItem reads the entry of a channel in the catalogue, for an admin; with
// the name of a sub-account, only if the channel belongs to that. Errors:
// ErrCatalogUnknown, also when there is no such channel; the refusal of a
// sub-account that does not exist. One statement, one more for a sub-account in
// which nothing was found.
func (s *Service) CatalogItem(ctx context.Context, channel ref.Ref, subAccount string) (CatalogItem, error) {
	var item CatalogItem
	if err := admin(ctx); err != nil {
		return item, err
	}
	err := s.catalogItem(ctx, &item, channel, subAccount)
	if err == nil && item.ID == 0 {
		if err = s.known(ctx, CourseFilter{SubAccount: subAccount}); err == nil {
			err = ErrCatalogUnknown
		}
	}
	if err != nil {
		return CatalogItem{}, wrap("read catalog item", err)
	}
	return s.linked(item), nil
}

func (s *Service) catalogItem(ctx context.Context, item *CatalogItem, channel ref.Ref, subAccount string) error {
	if !channel.Valid() || !store.Storable(subAccount) {
		return nil
	}
	where, args := channel.Condition("c"), channel.Args()
	if channel.ID == 0 {
		where += ` AND ` + inReach
	}
	if subAccount != "" {
		where, args["sub_account"] = where+` AND `+ofSubAccount, subAccount
	}
	return s.db.Query(ctx, item, `SELECT i.* FROM catalog_items i JOIN courses c ON c.id = i.course_id LEFT JOIN organizations o ON o.id = c.organization_id
		WHERE i.account_id = @account_id AND `+where, args)
}

// ShowInCatalog makes sure that a channel is in the catalogue, for an admin.
// created tells whether it was not. Errors: ErrCourseUnknown, ErrNoCatalog for
// a master.
func (s *Service) ShowInCatalog(ctx context.Context, course ref.Ref) (item CatalogItem, created bool, err error) {
	err = s.change(ctx, "show in catalog", func(ctx context.Context) ([]audit.Event, error) {
		c, err := s.find(ctx, course, "true", "FOR SHARE OF c")
		if err != nil {
			return nil, err
		}
		if c.Master {
			return nil, ErrNoCatalog
		}
		args := store.Args{"course": c.ID}
		err = s.db.Query(ctx, &item, `INSERT INTO catalog_items (account_id, course_id) VALUES (@account_id, @course)
			ON CONFLICT (course_id) DO NOTHING RETURNING *`, args)
		if err != nil {
			return nil, err
		}
		if created = item.ID != 0; !created { // it cannot go: whoever removes it locks the course
			return nil, s.db.Query(ctx, &item, `SELECT * FROM catalog_items WHERE account_id = @account_id AND course_id = @course`, args)
		}
		return []audit.Event{catalogEvent("catalog_item.created", item.CatalogItem, c.OrganizationID)}, nil
	})
	if err != nil {
		return CatalogItem{}, false, err
	}
	return s.linked(item), created, nil
}

// HideFromCatalog takes a channel out of the catalogue, for an admin. Its page
// is gone; shown again it gets another address. Errors: ErrCatalogUnknown, also
// when there is no such channel.
func (s *Service) HideFromCatalog(ctx context.Context, course ref.Ref) error {
	return s.change(ctx, "hide from catalog", func(ctx context.Context) ([]audit.Event, error) {
		c, err := s.find(ctx, course, "true", "FOR NO KEY UPDATE OF c")
		switch {
		case models.KindOf(err) == models.KindNotFound:
			return nil, ErrCatalogUnknown
		case err != nil:
			return nil, err
		}
		var item models.CatalogItem
		err = s.db.Query(ctx, &item, `DELETE FROM catalog_items WHERE account_id = @account_id AND course_id = @course RETURNING *`, store.Args{"course": c.ID})
		switch {
		case err != nil:
			return nil, err
		case item.ID == 0:
			return nil, ErrCatalogUnknown
		}
		return []audit.Event{catalogEvent("catalog_item.deleted", item, c.OrganizationID)}, nil
	})
}

func catalogEvent(action string, item models.CatalogItem, organizationID *int64) audit.Event {
	return audit.Event{Action: action, SubjectType: "catalog_item", SubjectID: item.ID, OrganizationID: organizationID, Data: map[string]any{"courseId": item.CourseID}}
}

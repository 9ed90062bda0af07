package learning

import (
	"context"

	"github.com/google/uuid"

	"quad/internal/store"
	"quad/models"
)

// maxShownSessions is how many sessions the page of a course tells of.
const maxShownSessions = 50

// Page is what everybody may see of a channel who has its address: no names of
// people, and nothing of drafts.
type Page struct {
	Course
	Issuer   string                // name of the account
	Sessions []models.ClassSession `gorm:"-"` // published and not over yet, the next one first
}

// ChannelPage reads the channel of an address, of whatever account. Two
// statements. Errors: ErrCourseUnknown, also for drafts and masters, and when
// the organization is not ACTIVE.
func (s *Service) ChannelPage(ctx context.Context, publicID string) (Page, error) {
	return s.page(ctx, publicID, `c.public_id = CAST(@public AS uuid)`, ErrCourseUnknown)
}

// CatalogPage reads the channel of an entry of the catalogue, as ChannelPage
// does. Errors: ErrCatalogUnknown.
func (s *Service) CatalogPage(ctx context.Context, publicID string) (Page, error) {
	return s.page(ctx, publicID, `c.id = (SELECT i.course_id FROM catalog_items i WHERE i.public_id = CAST(@public AS uuid))`, ErrCatalogUnknown)
}

func (s *Service) page(ctx context.Context, publicID, which string, unknown error) (Page, error) {
	id, err := uuid.Parse(publicID)
	if err != nil || len(publicID) != len(id.String()) { // other spellings are not ours
		return Page{}, unknown
	}
	var p Page
	err = s.db.Query(store.AsSystem(ctx), &p, `SELECT `+courseColumns+`, a.name AS issuer`+courseTables+` JOIN accounts a ON a.id = c.account_id
		WHERE `+which+` AND NOT c.master AND c.status <> 'DRAFT' AND `+inReach, store.Args{"public": id.String()})
	if err == nil && p.ID == 0 {
		err = unknown
	}
	if err != nil {
		return Page{}, wrap("read page", err)
	}
	p.Course = s.settled(p.Course)
	p.Sessions, err = s.sessions(store.WithAccount(ctx, p.AccountID), ` AND s.published AND s.ends_at >= @now ORDER BY s.starts_at, s.id LIMIT @limit`,
		store.Args{"course": p.ID, "now": s.now(), "limit": maxShownSessions})
	if err != nil {
		return Page{}, wrap("read page", err)
	}
	return p, nil
}

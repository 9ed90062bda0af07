package enabley

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/learning/enrollment"
	"quad/internal/store"
)

// listPerformanceV1 lists how far people have come, all at once.
func (d *door) listPerformanceV1(c *fiber.Ctx, req wire.ListPerformanceV1) (reply, error) {
	rows, err := d.Enrollments.ListPerformance(c.UserContext(), performanceOf(req.ExternalChannelID, req.ExternalUserID), store.Window{})
	if err != nil {
		return reply{}, err
	}
	return ok(all(rows, performance))
}

// listPerformanceV2 lists how far people have come, page by page.
func (d *door) listPerformanceV2() fiber.Handler {
	return paged(d, list[wire.ListPerformanceV2, enrollment.Performance, wire.ChannelPerformance]{
		filters: []string{"channelIdentifier", "userIdentifier"},
		count: func(ctx context.Context, r wire.ListPerformanceV2) (int64, store.Place, error) {
			return d.Enrollments.CountPerformance(ctx, performanceOf(r.ChannelIdentifier, r.UserIdentifier))
		},
		rows: func(ctx context.Context, r wire.ListPerformanceV2, w store.Window) ([]enrollment.Performance, error) {
			return d.Enrollments.ListPerformance(ctx, performanceOf(r.ChannelIdentifier, r.UserIdentifier), w)
		},
		place: func(p enrollment.Performance) store.Place { return store.Place{At: p.CreatedAt, ID: p.ID} },
		one:   performance,
	})
}

package enabley

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/learning"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
)

// listChannelsV1 lists all channels.
func (d *door) listChannelsV1(c *fiber.Ctx, req wire.ListChannelsV1) (reply, error) {
	rows, err := d.Learning.ListCourses(c.UserContext(), learning.CourseFilter{
		SubAccount: req.SubAccountName, CreatedSince: req.CreatedSince,
	}, store.Window{})
	if err != nil {
		return reply{}, err
	}
	return ok(all(shown(rows, req.IncludeCategories), channel))
}

// listChannelsV3 lists channels page by page.
func (d *door) listChannelsV3() fiber.Handler {
	filter := func(r wire.ChannelFilter) learning.CourseFilter {
		return learning.CourseFilter{SubAccount: r.SubAccountName}
	}
	return paged(d, list[wire.ChannelFilter, shownChannel, wire.Channel]{
		filters: []string{"includeCategories", "subAccountName"},
		count: func(ctx context.Context, r wire.ChannelFilter) (int64, store.Place, error) {
			return d.Learning.CountCourses(ctx, filter(r))
		},
		rows: func(ctx context.Context, r wire.ChannelFilter, w store.Window) ([]shownChannel, error) {
			rows, err := d.Learning.ListCourses(ctx, filter(r), w)
			return shown(rows, r.IncludeCategories), err
		},
		place: func(c shownChannel) store.Place { return store.Place{At: c.CreatedAt, ID: c.ID} },
		one:   channel,
	})
}

// listMasterChannelsV2 lists all masters.
func (d *door) listMasterChannelsV2(c *fiber.Ctx, req wire.MasterFilter) (reply, error) {
	rows, err := d.Learning.ListCourses(c.UserContext(), masters(req), store.Window{})
	if err != nil {
		return reply{}, err
	}
	return ok(all(rows, masterChannel))
}

// listMasterChannelsV3 lists masters page by page.
func (d *door) listMasterChannelsV3() fiber.Handler {
	return paged(d, list[wire.MasterFilter, learning.Course, wire.MasterChannel]{
		filters: []string{"onlyPublished", "subAccountName"},
		count: func(ctx context.Context, r wire.MasterFilter) (int64, store.Place, error) {
			return d.Learning.CountCourses(ctx, masters(r))
		},
		rows: func(ctx context.Context, r wire.MasterFilter, w store.Window) ([]learning.Course, error) {
			return d.Learning.ListCourses(ctx, masters(r), w)
		},
		place: func(c learning.Course) store.Place { return store.Place{At: c.CreatedAt, ID: c.ID} },
		one:   masterChannel,
	})
}

func masters(r wire.MasterFilter) learning.CourseFilter {
	return learning.CourseFilter{Master: true, OnlyPublished: r.OnlyPublished, SubAccount: r.SubAccountName}
}

// upsertChannel makes a channel or changes the one with this identifier.
func (d *door) upsertChannel(c *fiber.Ctx, req wire.UpsertChannel) (reply, error) {
	created, err := d.Learning.UpsertChannel(c.UserContext(), channelChange(req))
	if err != nil {
		return reply{}, inBodyIf(err, people.ErrOrganizationUnknown)
	}
	return stored(req.Identifier, created)
}

// createChannelInstance makes a channel from a master, or changes it.
func (d *door) createChannelInstance(c *fiber.Ctx, req wire.CreateChannelInstance) (reply, error) {
	if err := d.Learning.CreateInstance(c.UserContext(), instance(req)); err != nil {
		return reply{}, inBodyIf(err, people.ErrOrganizationUnknown, learning.ErrMasterUnknown)
	}
	return acknowledged(req.Identifier)
}

// getChannel shows a channel.
func (d *door) getChannel(c *fiber.Ctx, req wire.GetChannel) (reply, error) {
	found, err := d.Learning.Channel(c.UserContext(), ref.ByIdentifier(req.Identifier))
	if err != nil {
		return reply{}, err
	}
	return ok(channel(shownChannel{found, req.IncludeCategories}))
}

// listChannelTrainingEvents lists the class sessions of a channel.
func (d *door) listChannelTrainingEvents(c *fiber.Ctx, req wire.ListChannelTrainingEvents) (reply, error) {
	sessions, err := d.Learning.Sessions(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier))
	if err != nil {
		return reply{}, err
	}
	return ok(all(sessions, trainingEvent))
}

// getCatalogItem shows where a channel is in the catalogue.
func (d *door) getCatalogItem(c *fiber.Ctx, req wire.GetCatalogItem) (reply, error) {
	item, err := d.Learning.CatalogItem(c.UserContext(), ref.ByIdentifier(req.ExternalChannelID), req.SubAccountName)
	if err != nil {
		return reply{}, err
	}
	return ok(catalogItem(item))
}

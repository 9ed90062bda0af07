package enabley

import (
	"quad/api/enabley/wire"
	"quad/internal/input"
	"quad/internal/learning"
	"quad/models"
)

// availabilities are the words of this API.
var availabilities = map[models.Availability]string{
	models.AvailabilityActive: "ACTIVE", models.AvailabilityNonActive: "NONACTIVE", models.AvailabilityDraft: "DRAFT",
	models.AvailabilityScheduled: "SCHEDULED", models.AvailabilityStarted: "STARTED", models.AvailabilityFinished: "FINISHED",
}

// shownChannel is a channel and whether its categories were asked for.
type shownChannel struct {
	learning.Course
	categories bool
}

func shown(rows []learning.Course, categories bool) []shownChannel {
	return all(rows, func(c learning.Course) shownChannel { return shownChannel{c, categories} })
}

func channel(c shownChannel) wire.Channel {
	out := wire.Channel{
		Availability: wire.ChannelAvailability{Status: availabilities[c.Availability]},
		Created:      wire.Timestamp(c.CreatedAt), DirectLink: c.Link, Duration: c.DurationMS,
		Identifier: c.Identifier, MasterChannelID: c.MasterIdentifier, MasterChannelInstance: c.MasterID != nil,
		Name: c.Name, SubAccountName: c.SubAccount, Type: string(c.Type),
	}
	if c.Scheduled {
		out.Availability.Schedule = &wire.Schedule{StartDate: wire.NullableTimestamp(c.StartsAt), EndDate: wire.NullableTimestamp(c.EndsAt)}
	}
	if c.categories {
		out.Categories = append([]string{}, c.Categories...)
	}
	return out
}

func masterChannel(c learning.Course) wire.MasterChannel {
	return wire.MasterChannel{
		Categories: append([]string{}, c.Categories...), Created: wire.Timestamp(c.CreatedAt), Identifier: c.Identifier,
		Name: c.Name, Published: c.Published, SubAccountName: c.SubAccount,
	}
}

func trainingEvent(m models.ClassSession) wire.TrainingEvent {
	return wire.TrainingEvent{
		AllDayEvent: m.AllDay, Description: m.Description, FromDate: wire.Timestamp(m.StartsAt), IncludeGrade: m.IncludeGrade,
		IsPublished: m.Published, LiveSession: m.Live, Location: m.Location, Name: m.Name, UntilDate: wire.Timestamp(m.EndsAt),
	}
}

func catalogItem(i learning.CatalogItem) wire.CatalogItem {
	return wire.CatalogItem{CatalogItemID: i.PublicID, Link: i.Link}
}

func channelChange(r wire.UpsertChannel) learning.ChannelChange {
	return learning.ChannelChange{
		Identifier: r.Identifier, Name: r.Name, Type: word[models.CourseType](r.Type), Status: word[models.CourseStatus](r.Status),
		SubAccount: field(r.SubAccountName),
	}
}

func instance(r wire.CreateChannelInstance) learning.InstanceInput {
	return learning.InstanceInput{Identifier: r.Identifier, Master: r.MasterCourseIdentifier, Name: r.Name, SubAccount: field(r.SubAccountName)}
}

// word is a word of the API where both sides have the same.
func word[T ~string](s *string) *T {
	if s == nil {
		return nil
	}
	w := T(*s)
	return &w
}

// field passes on whether a value was sent.
func field[T any](n wire.Nullable[T]) input.Field[T] {
	return input.Field[T]{Sent: n.Set, Value: n.Value}
}

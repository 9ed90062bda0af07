package wire

import "time"

// ListChannelsV1 is the request of listChannelsV1.
type ListChannelsV1 struct {
	ChannelFilter
	CreatedSince *time.Time
}

// Read implements the door's request.
func (r *ListChannelsV1) Read(in *Input) {
	r.ChannelFilter.Read(in)
	r.CreatedSince = in.QueryTime("createdSince")
}

// ChannelFilter is the request of listChannelsV3, and what all lists of
// channels take.
type ChannelFilter struct {
	IncludeCategories bool
	SubAccountName    string
}

// Read implements the door's request.
func (r *ChannelFilter) Read(in *Input) {
	r.IncludeCategories, r.SubAccountName = in.QueryBool("includeCategories", false), in.QueryText("subAccountName")
}

// MasterFilter is the request of listMasterChannelsV2 and listMasterChannelsV3.
type MasterFilter struct {
	OnlyPublished  bool
	SubAccountName string
}

// Read implements the door's request.
func (r *MasterFilter) Read(in *Input) {
	r.OnlyPublished, r.SubAccountName = in.QueryBool("onlyPublished", false), in.QueryText("subAccountName")
}

// UpsertChannel is the body of upsertChannel.
type UpsertChannel struct {
	Identifier     string
	Name           *string
	Status         *string
	SubAccountName Nullable[string]
	Type           *string
}

// Read implements the door's request.
func (r *UpsertChannel) Read(in *Input) {
	body := in.Body()
	r.Identifier, r.Name = body.Identifier("identifier"), body.OptionalText("name", MaxLong)
	r.Status, r.Type = body.OptionalWord("status", "ACTIVE", "INACTIVE"), body.OptionalWord("type", "STREAM", "COURSE")
	r.SubAccountName = body.NullableText("subAccountName", 0, MaxText)
}

// CreateChannelInstance is the body of createChannelInstance.
type CreateChannelInstance struct {
	Identifier             string
	MasterCourseIdentifier string
	Name                   *string
	SubAccountName         Nullable[string]
}

// Read implements the door's request.
func (r *CreateChannelInstance) Read(in *Input) {
	body := in.Body()
	r.Identifier, r.MasterCourseIdentifier = body.Identifier("identifier"), body.Identifier("masterCourseIdentifier")
	r.Name, r.SubAccountName = body.OptionalText("name", MaxLong), body.NullableText("subAccountName", 0, MaxText)
}

// GetChannel is the request of getChannel.
type GetChannel struct {
	Identifier        string
	IncludeCategories bool
}

// Read implements the door's request.
func (r *GetChannel) Read(in *Input) {
	r.Identifier, r.IncludeCategories = in.Path("identifier"), in.QueryBool("includeCategories", false)
}

// ListChannelTrainingEvents is the request of listChannelTrainingEvents.
type ListChannelTrainingEvents struct{ ChannelIdentifier string }

// Read implements the door's request.
func (r *ListChannelTrainingEvents) Read(in *Input) {
	r.ChannelIdentifier = in.Path("channelIdentifier")
}

// GetCatalogItem is the request of getCatalogItem.
type GetCatalogItem struct{ ExternalChannelID, SubAccountName string }

// Read implements the door's request.
func (r *GetCatalogItem) Read(in *Input) {
	r.ExternalChannelID, r.SubAccountName = in.QueryNeeded("externalChannelId"), in.QueryText("subAccountName")
}

// Channel is a channel.
type Channel struct {
	Availability          ChannelAvailability `json:"availability"`
	Categories            []string            `json:"categories"` // null unless asked for
	Created               string              `json:"created"`
	DirectLink            string              `json:"directLink"`
	Duration              *int64              `json:"duration"` // milliseconds
	Identifier            string              `json:"identifier"`
	MasterChannelID       *string             `json:"masterChannelId"`
	MasterChannelInstance bool                `json:"masterChannelInstance"`
	Name                  string              `json:"name"`
	SubAccountName        *string             `json:"subAccountName"`
	Type                  string              `json:"type"`
}

// ChannelAvailability is whether and when a channel can be taken.
type ChannelAvailability struct {
	Schedule *Schedule `json:"schedule"`
	Status   string    `json:"status"`
}

// Schedule is from when to when a channel runs.
type Schedule struct {
	EndDate   *string `json:"endDate"`
	StartDate *string `json:"startDate"`
}

// MasterChannel is a master.
type MasterChannel struct {
	Categories     []string `json:"categories"`
	Created        string   `json:"created"`
	Identifier     string   `json:"identifier"`
	Name           string   `json:"name"`
	Published      bool     `json:"published"`
	SubAccountName *string  `json:"subAccountName"`
}

// TrainingEvent is an event of a channel.
type TrainingEvent struct {
	AllDayEvent  bool    `json:"allDayEvent"`
	Description  *string `json:"description"`
	FromDate     string  `json:"fromDate"`
	IncludeGrade bool    `json:"includeGrade"`
	IsPublished  bool    `json:"isPublished"`
	LiveSession  bool    `json:"liveSession"`
	Location     *string `json:"location"`
	Name         string  `json:"name"`
	UntilDate    string  `json:"untilDate"`
}

// CatalogItem is the entry of a channel in the catalogue.
type CatalogItem struct {
	CatalogItemID string `json:"catalogItemId"`
	Link          string `json:"link"`
}

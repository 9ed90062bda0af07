package wire

// AssignGroup is the request of assignGroupToChannel. The one role that groups
// give is the learner's.
type AssignGroup struct {
	ChannelGroup
	Recursive bool
}

// Read implements the door's request.
func (r *AssignGroup) Read(in *Input) {
	r.ChannelGroup.Read(in)
	r.Recursive = in.QueryBool("recursive", false)
	in.QueryWord("userRole", "LEARNER", "LEARNER")
}

// ChannelGroup is the request of removeGroupFromChannel.
type ChannelGroup struct{ ChannelIdentifier, GroupIdentifier string }

// Read implements the door's request.
func (r *ChannelGroup) Read(in *Input) {
	r.ChannelIdentifier, r.GroupIdentifier = in.Path("channelIdentifier"), in.Path("groupIdentifier")
}

// AssignUser is the request of assignUserToChannel; no roles means LEARNER.
type AssignUser struct {
	ChannelUser
	Roles []string
}

// Read implements the door's request.
func (r *AssignUser) Read(in *Input) {
	r.ChannelUser.Read(in)
	r.Roles = in.QueryWords("roles", "LEARNER", "INSTRUCTOR")
}

// ChannelUser is the request of removeUserFromChannel and forceCompleteChannel.
type ChannelUser struct{ ChannelIdentifier, UserIdentifier string }

// Read implements the door's request.
func (r *ChannelUser) Read(in *Input) {
	r.ChannelIdentifier, r.UserIdentifier = in.Path("channelIdentifier"), in.Path("userIdentifier")
}

// CountChannelMembers is the request of countChannelMembers.
type CountChannelMembers struct{ ChannelIdentifier string }

// Read implements the door's request.
func (r *CountChannelMembers) Read(in *Input) { r.ChannelIdentifier = in.Path("channelIdentifier") }

// ListPerformanceV1 is the request of listPerformanceV1.
type ListPerformanceV1 struct{ ExternalChannelID, ExternalUserID string }

// Read implements the door's request.
func (r *ListPerformanceV1) Read(in *Input) {
	r.ExternalChannelID, r.ExternalUserID = in.QueryText("externalChannelId"), in.QueryText("externalUserId")
}

// ListPerformanceV2 is the request of listPerformanceV2.
type ListPerformanceV2 struct{ ChannelIdentifier, UserIdentifier string }

// Read implements the door's request.
func (r *ListPerformanceV2) Read(in *Input) {
	r.ChannelIdentifier, r.UserIdentifier = in.QueryText("channelIdentifier"), in.QueryText("userIdentifier")
}

// ChannelMemberCount is the answer of countChannelMembers.
type ChannelMemberCount struct {
	Learners int64 `json:"learners"`
}

// ChannelPerformance is how far a learner has come in a channel.
type ChannelPerformance struct {
	ChannelName       string  `json:"channelName"`
	CompletionDate    *string `json:"completionDate"`
	ExternalChannelID string  `json:"externalChannelId"`
	ExternalUserID    string  `json:"externalUserId"`
	Progress          int     `json:"progress"`
	Score             *int    `json:"score"`
}

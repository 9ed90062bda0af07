package wire

// MaxProfiles is how many profiles getUserProfiles takes at most.
const MaxProfiles = 200

// UpsertGroup is the body of upsertGroup.
type UpsertGroup struct {
	Identifier       string
	Name             *string
	ParentIdentifier Nullable[string]
	SubAccountName   Nullable[string]
	Type             *string
}

// Read implements the door's request.
func (r *UpsertGroup) Read(in *Input) {
	body := in.Body()
	r.Identifier, r.Name, r.Type = body.Identifier("identifier"), body.OptionalText("name", MaxText), body.OptionalText("type", MaxText)
	r.ParentIdentifier, r.SubAccountName = body.NullableText("parentIdentifier", 0, MaxIdentifier), body.NullableText("subAccountName", 0, MaxText)
}

// SubAccount is the request of listGroups.
type SubAccount struct{ SubAccountName string }

// Read implements the door's request.
func (r *SubAccount) Read(in *Input) { r.SubAccountName = in.QueryText("subAccountName") }

// InSubAccount is the request of getGroup and listUserGroups: one thing, perhaps
// as far as it is in a sub-account.
type InSubAccount struct{ Identifier, SubAccountName string }

// Read implements the door's request.
func (r *InSubAccount) Read(in *Input) {
	r.Identifier, r.SubAccountName = in.Path("identifier"), in.QueryText("subAccountName")
}

// GroupUser is the request of assignUserToGroup and removeUserFromGroup.
type GroupUser struct {
	GroupIdentifier, UserIdentifier string
	Replace                         bool
}

// Read implements the door's request.
func (r *GroupUser) Read(in *Input) {
	r.GroupIdentifier, r.UserIdentifier, r.Replace = in.Path("groupIdentifier"), in.Path("userIdentifier"), in.QueryBool("replace", false)
}

// Group is a group.
type Group struct {
	Created          string  `json:"created"`
	Identifier       string  `json:"identifier"`
	Modified         string  `json:"modified"`
	Name             string  `json:"name"`
	ParentIdentifier *string `json:"parentIdentifier"`
	SubAccountName   *string `json:"subAccountName"`
	Type             string  `json:"type"`
}

// GetUserProfiles is the body of getUserProfiles.
type GetUserProfiles struct{ Identifiers []string }

// Read implements the door's request.
func (r *GetUserProfiles) Read(in *Input) { r.Identifiers = in.BodyTexts(MaxProfiles) }

// UpsertUserProfile is the body of upsertUserProfile.
type UpsertUserProfile struct {
	Identifier string
	Name       *string
}

// Read implements the door's request.
func (r *UpsertUserProfile) Read(in *Input) {
	body := in.Body()
	r.Identifier, r.Name = body.Identifier("identifier"), body.OptionalText("name", MaxText)
}

// ByIdentifier is the request of deleteGroup and of listProfilesOfUser, whose
// body does not matter.
type ByIdentifier struct{ Identifier string }

// Read implements the door's request.
func (r *ByIdentifier) Read(in *Input) { r.Identifier = in.Path("identifier") }

// ProfileUser is the request of assignProfileToUser and removeProfileFromUser.
type ProfileUser struct {
	ProfileIdentifier, UserIdentifier string
	Replace                           bool
}

// Read implements the door's request.
func (r *ProfileUser) Read(in *Input) {
	r.ProfileIdentifier, r.UserIdentifier, r.Replace = in.Path("profileIdentifier"), in.Path("userIdentifier"), in.QueryBool("replace", false)
}

// UserProfile is a profile of users.
type UserProfile struct {
	Created    string `json:"created"`
	Identifier string `json:"identifier"`
	Modified   string `json:"modified"`
	Name       string `json:"name"`
}

package enabley

import (
	"quad/api/enabley/wire"
	"quad/internal/input"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/models"
)

func groupChange(r wire.UpsertGroup) group.Change {
	return group.Change{Name: r.Name, Type: r.Type, Parent: refTo(r.ParentIdentifier), SubAccount: refTo(r.SubAccountName)}
}

// refTo passes on what a nullable text names.
func refTo(n wire.Nullable[string]) input.Field[ref.Ref] {
	if n.Value == nil {
		return input.Field[ref.Ref]{Sent: n.Set}
	}
	return input.To(ref.ByIdentifier(*n.Value))
}

func groupOut(g group.Group) wire.Group {
	return wire.Group{
		Created: wire.Timestamp(g.CreatedAt), Identifier: g.Identifier, Modified: wire.Timestamp(g.UpdatedAt), Name: g.Name,
		ParentIdentifier: g.ParentIdentifier, SubAccountName: g.SubAccount, Type: g.Type,
	}
}

func userProfile(p models.UserProfile) wire.UserProfile {
	return wire.UserProfile{
		Created: wire.Timestamp(p.CreatedAt), Identifier: p.Identifier, Modified: wire.Timestamp(p.UpdatedAt), Name: p.Name,
	}
}

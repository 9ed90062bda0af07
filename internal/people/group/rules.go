package group

import (
	"fmt"
	"slices"

	"quad/internal/input"
	"quad/internal/ref"
	"quad/models"
)

// Limits of groups and hierarchies. Lengths are in characters.
const (
	MaxTypes = 50
	MaxType  = 255
	MaxName  = 255
)

// reserved identifiers are words that addresses use for something else.
var reserved = []string{"hierarchy", "list"}

// hierarchy is the types of groups, top first.
type hierarchy []string

// allows tells whether a group of one type may stand below one of another: on
// any level above, or on the same one when that is the lowest.
func (h hierarchy) allows(parent, child string) bool {
	above, own := slices.Index(h, parent), slices.Index(h, child)
	return above >= 0 && own >= 0 && (above < own || above == own && own == len(h)-1)
}

// below is what the groups directly below one have in common: how many kinds of
// them there are is bounded by the hierarchy and the organizations.
type below struct {
	Type           string
	OrganizationID *int64
}

// check tells whether a group may be what it is about to be, below parent (nil:
// none) and above its children. Errors: models.KindInvalid with all that is
// wrong.
func (h hierarchy) check(g models.Group, parent *models.Group, children []below) error {
	var c input.Check
	level := slices.Index(h, g.Type)
	switch {
	case level < 0:
		c.Bad("type", input.Enum, "is not in the group hierarchy")
	case parent == nil && level > 0:
		c.Bad("parent_id", input.Required, fmt.Sprintf("is needed: only groups of type %s need no parent", h[0]))
	case parent != nil && !h.allows(parent.Type, g.Type):
		c.Bad("parent_id", "level", fmt.Sprintf("does not stand on a level above: a group of type %s cannot be below one of type %s", g.Type, parent.Type))
	}
	if parent != nil && !shares(parent.OrganizationID, g.OrganizationID) {
		c.Bad("organization_id", "differs", "is not that of the parent group")
	}
	for _, child := range children {
		if level >= 0 && !h.allows(g.Type, child.Type) {
			c.Bad("type", "level", fmt.Sprintf("does not stand on a level above the groups below it, which have type %s", child.Type))
		}
		if !shares(g.OrganizationID, child.OrganizationID) {
			c.Bad("organization_id", "differs", "is not that of the groups below it")
		}
	}
	return c.Err()
}

// shares tells whether a group may be below one of an organization: one of the
// account as a whole has any below it.
func shares(parent, child *int64) bool {
	return parent == nil || child != nil && *parent == *child
}

// Change is what a group is made of or changed to. What was not sent stays as it
// is.
type Change struct {
	Name       *string
	Type       *string
	Parent     input.Field[ref.Ref] // the group above; cleared: none
	SubAccount input.Field[ref.Ref] // an organization by its id or by its name; cleared: none
}

// check tells whether a change can be read at all; create wants a name and a
// type.
func (ch *Change) check(create bool) error {
	var c input.Check
	if create && ch.Name == nil {
		c.Bad("name", input.Required, "field is empty")
	}
	if create && ch.Type == nil {
		c.Bad("type", input.Required, "field is empty")
	}
	if ch.Name != nil {
		name := *ch.Name
		c.Line("name", &name, MaxName)
		ch.Name = &name
	}
	if ch.Type != nil && *ch.Type == "" {
		c.Bad("type", input.Required, "field is empty")
	}
	return c.Err()
}

func checkIdentifier(identifier string) error {
	if !ref.ValidIdentifier(identifier) {
		var c input.Check
		c.Bad("identifier", input.Invalid, fmt.Sprintf("must have 1 to %d characters", ref.MaxIdentifier))
		return c.Err()
	}
	return nil
}

func checkNotReserved(identifier string) error {
	if slices.Contains(reserved, identifier) {
		var c input.Check
		c.Bad("identifier", "reserved", "is a word that cannot be used")
		return c.Err()
	}
	return nil
}

// checkTypes tells whether types can be a hierarchy; they are trimmed.
func checkTypes(types []string) error {
	var c input.Check
	switch {
	case len(types) == 0:
		c.Bad("types", input.Required, "are empty")
	case len(types) > MaxTypes:
		c.Bad("types", input.TooLong, fmt.Sprintf("are more than %d", MaxTypes))
	default:
		for i := range types {
			if !c.Line("types", &types[i], MaxType) {
				break
			}
			if slices.Contains(types[:i], types[i]) {
				c.Bad("types", "repeated", fmt.Sprintf("have %s twice", types[i]))
				break
			}
		}
	}
	return c.Err()
}

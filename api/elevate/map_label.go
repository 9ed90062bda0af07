package elevate

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"quad/api/elevate/wire"
	"quad/internal/people/entity"
	"quad/models"
)

// labels are the texts for the codes of profiles: those of the organization's
// entities, or made from the code where there is none.
type labels struct{ known entity.Labels }

// labels finds the texts for choices. They come from memory, all but those that
// nobody has asked for since the last change; an answer never fails for want of
// them.
func (d *door) labels(ctx context.Context, choices ...entity.Choice) labels {
	known, err := d.entities.Labels(ctx, choices...)
	if err != nil {
		slog.WarnContext(ctx, "answered without the labels of entities", "error", err)
	}
	return labels{known: known}
}

// profileChoices are all codes of a person's profile.
func profileChoices(u models.User) []entity.Choice {
	out := make([]entity.Choice, 0, 2+len(u.Location)+len(u.Languages))
	if u.Gender != nil {
		out = append(out, choice(u, models.EntityTypeGender, *u.Gender))
	}
	for _, v := range u.Location {
		out = append(out, choice(u, models.EntityTypeLocation, v))
	}
	for _, v := range u.Languages {
		out = append(out, choice(u, models.EntityTypeLanguages, v))
	}
	return append(out, languageChoice(u))
}

// languageChoice is the language that the app speaks with a person.
func languageChoice(u models.User) entity.Choice {
	return choice(u, models.EntityTypePreferredLanguage, u.PreferredLanguage)
}

func choice(u models.User, entityType, value string) entity.Choice {
	return entity.Choice{OrganizationID: u.OrganizationID, Type: entityType, Value: value}
}

func (l labels) option(u models.User, entityType, value string, fallback func(string) string) wire.Option {
	if text, ok := l.known[choice(u, entityType, value)]; ok {
		return wire.Option{Value: value, Label: text}
	}
	return wire.Option{Value: value, Label: fallback(value)}
}

func (l labels) options(u models.User, entityType string, values []string, fallback func(string) string) []wire.Option {
	out := make([]wire.Option, 0, len(values))
	for _, v := range values {
		out = append(out, l.option(u, entityType, v, fallback))
	}
	return out
}

func (l labels) gender(u models.User) *wire.Option {
	if text(u.Gender) == "" {
		return nil
	}
	o := l.option(u, models.EntityTypeGender, *u.Gender, label)
	return &o
}

func (l labels) locations(u models.User) []wire.Option {
	return l.options(u, models.EntityTypeLocation, u.Location, label)
}

func (l labels) languages(u models.User) []wire.Option {
	return l.options(u, models.EntityTypeLanguages, u.Languages, languageName)
}

func (l labels) preferredLanguage(u models.User) wire.Option {
	return l.option(u, models.EntityTypePreferredLanguage, u.PreferredLanguage, languageName)
}

// label makes a code readable: "not_specified" is "Not Specified".
func label(code string) string {
	words := strings.FieldsFunc(code, func(r rune) bool { return r == '_' || r == '-' || unicode.IsSpace(r) })
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToTitle(first)) + w[size:]
	}
	return strings.Join(words, " ")
}

// languageName is the English name of a language code ("en_in"), or the code
// made readable when it is none.
func languageName(code string) string {
	if known, ok := languageNames.Load(code); ok {
		if name, ok := known.(string); ok {
			return name
		}
	}
	name := findLanguageName(code)
	// Bounded, because the codes are what people have chosen.
	if languageCount.Load() < maxLanguages {
		if _, known := languageNames.LoadOrStore(code, name); !known {
			languageCount.Add(1)
		}
	}
	return name
}

// Names that were looked up: parsing a code takes longer than all the rest of
// a profile.
var (
	languageNames sync.Map // code -> string
	languageCount atomic.Int64
)

const maxLanguages = 1000

func findLanguageName(code string) string {
	if tag, err := language.Parse(strings.ReplaceAll(code, "_", "-")); err == nil {
		base, _ := tag.Base()
		if name := display.English.Languages().Name(base); name != "" {
			return name
		}
	}
	return label(code)
}

package paper

import (
	"strings"
	"unicode"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// left stands for characters that the fonts cannot show.
const left = '…'

// glyphs tells which characters a font has.
type glyphs struct{ font *sfnt.Font }

func (g glyphs) has(r rune) bool {
	i, err := g.font.GlyphIndex(nil, r)
	return err == nil && i != 0
}

// readable makes a text one that the font can show: characters without a glyph
// are replaced by the nearest that has one, an "ế" by an "ê", and runs of
// others by an ellipsis. exact is false if something was replaced. The text is
// "" when no letter or digit of it is left.
func (g glyphs) readable(text string) (shown string, exact bool) {
	exact = true
	var out []rune
	for _, r := range norm.NFC.String(text) {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case unicode.In(r, unicode.Cc, unicode.Cf):
			continue // invisible
		case !g.has(r):
			exact = false
			r = g.nearest(r)
		}
		if r == 0 || r == left && len(out) > 0 && out[len(out)-1] == left {
			continue
		}
		out = append(out, r)
	}
	shown = strings.Join(strings.Fields(string(out)), " ")
	if !strings.ContainsFunc(shown, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "", false
	}
	return shown, exact
}

// nearest is what is shown in place of a character without a glyph: the letter
// with one of its marks, or with none; 0, that is nothing, for a mark that no
// letter took; else left.
func (g glyphs) nearest(r rune) rune {
	if unicode.Is(unicode.Mn, r) {
		return 0
	}
	parts := []rune(norm.NFD.String(string(r)))
	for _, mark := range parts[1:] {
		if whole := []rune(norm.NFC.String(string([]rune{parts[0], mark}))); len(whole) == 1 && g.has(whole[0]) {
			return whole[0]
		}
	}
	if plain, ok := plain[parts[0]]; ok && g.has(plain) {
		return plain
	}
	if len(parts) > 1 && g.has(parts[0]) {
		return parts[0]
	}
	return left
}

// plain are letters that cannot be taken apart, and dashes and quotes.
var plain = map[rune]rune{
	'ẞ': 'ß', 'Ə': 'E', 'ə': 'e', 'Ơ': 'O', 'ơ': 'o', 'Ư': 'U', 'ư': 'u',
	'\u2010': '-', '\u2011': '-', '\u2012': '-', '\u2015': '-', '\u02bc': '\'', '\u02bb': '\'', '\u2032': '\'',
}

// wrap breaks a text into lines that are at most so wide. It breaks between
// words, and a word only if it is wider than a line.
func wrap(text string, most float64, width func(string) float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		whole := word
		if line != "" {
			whole = line + " " + word
		}
		if width(whole) <= most {
			line = whole
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; width(line) > most; {
			head, tail := cut(line, most, width)
			lines, line = append(lines, head), tail
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// cut parts a word behind the last character that is still within the width; at
// least one is.
func cut(word string, most float64, width func(string) float64) (head, tail string) {
	runes := []rune(word)
	n := 1
	for n < len(runes) && width(string(runes[:n+1])) <= most {
		n++
	}
	return string(runes[:n]), string(runes[n:])
}

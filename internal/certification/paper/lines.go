package paper

// Readable makes a text one that the fonts of the hub's papers can show; exact
// is false if something had to be replaced. See glyphs.readable.
func Readable(text string) (shown string, exact bool) { return known.readable(text) }

// Wrap breaks a text into lines that are at most so wide, as width measures
// them. It breaks between words, and a word only if it is wider than a line.
func Wrap(text string, most float64, width func(string) float64) []string {
	return wrap(text, most, width)
}

package reporting

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"quad/internal/certification/paper"
)

// Measures of a portrait A4, in millimetres; sizes of letters are in points.
const (
	pageWidth  = 210.0
	pageHeight = 297.0
	margin     = 18.0
	inner      = pageWidth - 2*margin
	top        = 24.0
	bottom     = pageHeight - 20
	mmPerPoint = 25.4 / 72
)

const (
	family  = "go"
	regular = ""
	bold    = "B"
)

type colour [3]int

var (
	ink    = colour{28, 32, 40}
	faint  = colour{95, 103, 115}
	tint   = colour{25, 66, 110}
	paleBg = colour{241, 244, 249}
	rule   = colour{214, 219, 228}
	white  = colour{255, 255, 255}
	good   = colour{22, 110, 60}
	bad    = colour{178, 40, 30}
	series = []colour{{25, 66, 110}, {217, 119, 6}, {22, 130, 90}, {140, 60, 130}}
)

// sheet is a report that is being drawn.
type sheet struct {
	*fpdf.Fpdf
	data  Data
	pages int // in all; 0 while that is not known
	y     float64
	exact bool // so far every text is shown as it is written
}

// renderPDF draws a report. The same report gives the same bytes.
func renderPDF(d Data, text draft) ([]byte, error) {
	first, err := drawPDF(d, text, 0, true)
	if err != nil {
		return nil, err
	}
	// Only now it is known how many pages there are.
	second, err := drawPDF(d, text, first.PageNo(), first.exact)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := second.Output(&out); err != nil {
		return nil, fmt.Errorf("reporting: PDF: %w", err)
	}
	return out.Bytes(), nil
}

func drawPDF(d Data, text draft, pages int, exact bool) (*sheet, error) {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), data: d, pages: pages, exact: true}
	s.SetCatalogSort(true)
	s.SetCreationDate(d.AsOf.UTC())
	s.SetModificationDate(d.AsOf.UTC())
	s.SetProducer("Quad", true)
	s.SetTitle(d.Title, true)
	s.SetSubject(d.Heading(), true)
	s.SetLang("en")
	s.SetMargins(margin, top, margin)
	s.SetCellMargin(0)
	s.SetAutoPageBreak(false, 0)
	s.AddUTF8FontFromBytes(family, regular, goregular.TTF)
	s.AddUTF8FontFromBytes(family, bold, gobold.TTF)
	s.cover(text, exact)
	s.next()
	s.heading("Summary")
	s.tiles()
	s.paragraphs(text.Summary)
	if text.Narrator != narratorRules {
		s.y += 2
		s.paragraphs(text.Details)
	}
	if len(d.Charts) > 0 {
		s.heading("Charts")
	}
	for _, c := range d.Charts {
		s.chart(c)
	}
	for _, t := range d.Tables {
		s.tableOf(t)
	}
	if err := s.Error(); err != nil {
		return nil, fmt.Errorf("reporting: PDF: %w", err)
	}
	return s, nil
}

// shownAs makes a text one that the fonts can show.
func (s *sheet) shownAs(written string) string {
	text, exact := paper.Readable(written)
	if text == "" && strings.TrimSpace(written) != "" {
		if !strings.ContainsFunc(written, func(r rune) bool { return r > 0x2fff }) && len(written) < 8 {
			return written // signs such as a dash
		}
		text = "…"
	}
	s.exact = s.exact && exact
	return text
}

func (s *sheet) pen(style string, size float64, c colour) {
	s.SetFont(family, style, size)
	s.SetTextColor(c[0], c[1], c[2])
}

func (s *sheet) fill(c colour) { s.SetFillColor(c[0], c[1], c[2]) }
func (s *sheet) draw(c colour) { s.SetDrawColor(c[0], c[1], c[2]) }

// cover is the first page: what the report is about, for whom, and of when.
func (s *sheet) cover(text draft, exact bool) {
	s.AddPage()
	s.fill(tint)
	s.Rect(0, 0, pageWidth, 118, "F")
	s.pen(regular, 13, colour{190, 206, 228})
	s.Text(margin, 46, strings.ToUpper(typeTitle(s.data.Type)))
	size := 32.0
	s.pen(bold, size, white)
	lines := paper.Wrap(s.shownAs(s.data.Title), inner, s.GetStringWidth)
	for len(lines) > 3 && size > 14 {
		size -= 2
		s.pen(bold, size, white)
		lines = paper.Wrap(s.shownAs(s.data.Title), inner, s.GetStringWidth)
	}
	lines = lines[:min(len(lines), 6)]
	y := 64.0
	for _, l := range lines {
		s.Text(margin, y, l)
		y += size * mmPerPoint * 1.25
	}
	y = 140
	for _, pair := range [][2]string{
		{"Tenant", s.data.Scope}, {"Period", s.data.Period()}, {"Figures as of", s.data.AsOf.UTC().Format("2 January 2006, 15:04") + " UTC"},
		{"Text", writtenBy(text)},
	} {
		s.pen(regular, 9, faint)
		s.Text(margin, y, pair[0])
		s.pen(bold, 13, ink)
		for _, l := range paper.Wrap(s.shownAs(pair[1]), inner, s.GetStringWidth) {
			y += 6.5
			s.Text(margin, y, l)
		}
		y += 12
	}
	s.pen(regular, 9, faint)
	notes := []string{}
	if text.Note != "" {
		notes = append(notes, "Note: "+text.Note)
	}
	if !exact {
		notes = append(notes, "Some names have letters that this file's fonts lack; they are shown with … here and in full in the XLSX and CSV files.")
	}
	y = 262
	for _, n := range notes {
		for _, l := range paper.Wrap(s.shownAs(n), inner, s.GetStringWidth) {
			s.Text(margin, y, l)
			y += 4.6
		}
	}
}

func writtenBy(text draft) string {
	if text.Narrator == narratorRules {
		return "Written by rules from the figures"
	}
	return "Written by " + text.Narrator + ", its numbers checked against the figures"
}

// next begins a page.
func (s *sheet) next() {
	s.AddPage()
	s.pen(regular, 8, faint)
	title := s.shownAs(s.data.Title)
	for runes := []rune(title); s.GetStringWidth(title) > inner*0.6 && len(runes) > 1; {
		runes = runes[:len(runes)-1]
		title = string(runes) + "…"
	}
	s.Text(margin, 13, title)
	right := fmt.Sprintf("Figures as of %s UTC", s.data.AsOf.UTC().Format("2006-01-02 15:04"))
	s.Text(pageWidth-margin-s.GetStringWidth(right), 13, right)
	s.draw(rule)
	s.SetLineWidth(0.2)
	s.Line(margin, 15.5, pageWidth-margin, 15.5)
	foot := fmt.Sprintf("Page %d of %d", s.PageNo(), max(s.pages, s.PageNo()))
	s.Text(pageWidth-margin-s.GetStringWidth(foot), pageHeight-10, foot)
	scope := s.shownAs(s.data.Scope)
	for runes := []rune(scope); s.GetStringWidth(scope) > inner*0.7 && len(runes) > 1; {
		runes = runes[:len(runes)-1]
		scope = string(runes) + "…"
	}
	s.Text(margin, pageHeight-10, scope)
	s.y = top
}

// need makes sure that there is so much room, on the next page if not on this.
func (s *sheet) need(height float64) {
	if s.y+height > bottom {
		s.next()
	}
}

// heading begins a part; what follows it has some room on the same page.
func (s *sheet) heading(text string) {
	s.need(50)
	if s.y > top {
		s.y += 5
	}
	s.pen(bold, 15, tint)
	s.Text(margin, s.y+5, text)
	s.y += 10
}

func (s *sheet) paragraphs(text string) {
	const size, lead = 10.5, 5.3
	for _, p := range strings.Split(text, "\n") {
		s.pen(regular, size, ink)
		for _, l := range paper.Wrap(s.shownAs(p), inner, s.GetStringWidth) {
			s.need(lead)
			s.pen(regular, size, ink)
			s.Text(margin, s.y+4, l)
			s.y += lead
		}
		s.y += 1.5
	}
}

// tiles are the figures, each in a box of its own.
func (s *sheet) tiles() {
	const across, gap, height = 3, 4.0, 23.0
	width := (inner - gap*(across-1)) / across
	for i, f := range s.data.Facts {
		if i%across == 0 {
			s.need(height + gap)
		}
		x := margin + float64(i%across)*(width+gap)
		s.fill(paleBg)
		s.Rect(x, s.y, width, height, "F")
		s.pen(regular, 8.5, faint)
		s.Text(x+4, s.y+6, s.shownAs(f.Name))
		value := number(f.Kind, f.Value)
		size := 17.0
		for s.pen(bold, size, ink); s.GetStringWidth(value) > width-8 && size > 8; s.pen(bold, size, ink) {
			size--
		}
		s.Text(x+4, s.y+14, value)
		if f.Before != nil {
			s.pen(regular, 8.5, movement(f))
			s.Text(x+4, s.y+19.5, "before: "+number(f.Kind, *f.Before))
		}
		if i%across == across-1 || i == len(s.data.Facts)-1 {
			s.y += height + gap
		}
	}
	s.y += 3
}

// movement is green where a figure moved the better way, red where the worse.
func movement(f Fact) colour {
	switch change := f.Value - *f.Before; {
	case change == 0 || f.Good == 0:
		return faint
	case (change > 0) == (f.Good > 0):
		return good
	}
	return bad
}

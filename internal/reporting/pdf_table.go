package reporting

import (
	"math"
	"strconv"
	"strings"

	"quad/internal/certification/paper"
)

const (
	cellSize = 8.5
	cellLead = 4.2
	cellPad  = 1.8
	rowLines = 3 // lines that a cell has at most
)

// grid is a table with its columns' places.
type grid struct {
	t      Table
	widths []float64
}

// tableOf draws the rows of a table that the report shows, its head again on
// each page.
func (s *sheet) tableOf(t Table) {
	s.heading(s.shownAs(t.Title))
	if len(t.Rows) == 0 {
		s.paragraphs("None.")
		return
	}
	g := grid{t, s.columnWidths(t)}
	s.tableHead(g)
	for i, row := range t.Rows {
		cells := make([][]string, len(row))
		height := 0.0
		s.pen(regular, cellSize, ink)
		for c, v := range row {
			cells[c] = s.cell(Format(t.Columns[c].Kind, v), g.widths[c])
			height = math.Max(height, float64(len(cells[c]))*cellLead+2*cellPad-1)
		}
		if s.y+height > bottom {
			s.next()
			s.tableHead(g)
		}
		if i%2 == 1 {
			s.fill(paleBg)
			s.Rect(margin, s.y, inner, height, "F")
		}
		s.pen(regular, cellSize, ink)
		s.cells(g, cells)
		s.y += height
	}
	s.draw(rule)
	s.Line(margin, s.y, pageWidth-margin, s.y)
	if more := t.More(); more > 0 {
		s.y += 1
		s.pen(regular, cellSize, faint)
		s.need(cellLead)
		s.Text(margin, s.y+3.5, "and "+number(KindCount, float64(more))+" more in the XLSX and CSV files")
		s.y += cellLead + 1
	}
}

// cell breaks a text into the lines of a cell.
func (s *sheet) cell(text string, width float64) []string {
	lines := paper.Wrap(s.shownAs(text), width-2*cellPad, s.GetStringWidth)
	if len(lines) > rowLines {
		last := []rune(lines[rowLines-1])
		for len(last) > 0 && s.GetStringWidth(string(last)+"…") > width-2*cellPad {
			last = last[:len(last)-1]
		}
		lines = append(lines[:rowLines-1], string(last)+"…")
	}
	return lines
}

func (s *sheet) tableHead(g grid) {
	s.pen(bold, cellSize, white)
	cells := make([][]string, len(g.t.Columns))
	height := 0.0
	for c, column := range g.t.Columns {
		cells[c] = s.cell(column.Name, g.widths[c])
		height = math.Max(height, float64(len(cells[c]))*cellLead+2*cellPad-1)
	}
	s.need(height + 12)
	s.fill(tint)
	s.Rect(margin, s.y, inner, height, "F")
	s.pen(bold, cellSize, white)
	s.cells(g, cells)
	s.y += height
}

// cells writes a row's lines: texts from the left, numbers to the right.
func (s *sheet) cells(g grid, cells [][]string) {
	x := margin
	for c, lines := range cells {
		for i, l := range lines {
			at := x + cellPad
			if rightAligned(g.t.Columns[c].Kind) {
				at = x + g.widths[c] - cellPad - s.GetStringWidth(l)
			}
			s.Text(at, s.y+cellPad+2.6+float64(i)*cellLead, l)
		}
		x += g.widths[c]
	}
}

func rightAligned(k Kind) bool { return k != KindText && k != KindDay }

// columnWidths gives each column what its values and the longest word of its
// head need, and the columns of text what is left. Where that is too much,
// texts give way.
func (s *sheet) columnWidths(t Table) []float64 {
	widths, flexible, total := make([]float64, len(t.Columns)), 0.0, 0.0
	for c, column := range t.Columns {
		s.pen(bold, cellSize, ink)
		widths[c] = s.longestWord(column.Name)
		s.pen(regular, cellSize, ink)
		for _, row := range t.Rows {
			w := s.GetStringWidth(Format(column.Kind, row[c]))
			if column.Kind == KindText {
				w = math.Min(w, 60)
			}
			widths[c] = math.Max(widths[c], w)
		}
		widths[c] += 2*cellPad + 0.5
		total += widths[c]
		if column.Kind == KindText {
			flexible += widths[c]
		}
	}
	if flexible == 0 {
		flexible = total
	}
	for c, column := range t.Columns {
		if column.Kind == KindText || flexible == total {
			widths[c] = math.Max(widths[c]+(inner-total)*widths[c]/flexible, 14)
		}
	}
	return fitted(widths)
}

// fitted makes widths add up to the page's.
func fitted(widths []float64) []float64 {
	total := 0.0
	for _, w := range widths {
		total += w
	}
	for i := range widths {
		widths[i] *= inner / total
	}
	return widths
}

func (s *sheet) longestWord(text string) (w float64) {
	for _, word := range strings.Fields(text) {
		w = math.Max(w, s.GetStringWidth(word))
	}
	return w
}

// label writes a number on an axis, short.
func label(kind Kind, v float64) string {
	switch {
	case kind == KindRate:
		return strconv.FormatFloat(v, 'f', -1, 64) + "%"
	case math.Abs(v) >= 1e9:
		return strconv.FormatFloat(v/1e9, 'f', -1, 64) + "bn"
	case math.Abs(v) >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + "M"
	case math.Abs(v) >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', -1, 64) + "k"
	}
	return grouped(strconv.FormatFloat(v, 'f', -1, 64))
}

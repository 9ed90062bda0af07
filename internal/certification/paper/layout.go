package paper

import "fmt"

type alignment int

const (
	middle alignment = iota
	start
	right
)

// box is where a text goes and how large it may be, in points.
type box struct {
	left, width, top, height float64 // width 0: between the margins
	most, least              float64
	lines                    int
	style                    string
	colour                   [3]int
	align                    alignment
}

// lead is the distance of lines, as a part of the size of letters.
const lead = 1.22

// text makes a text of a certificate one that can be shown; instead is for one
// of which nothing can.
func (s *sheet) text(written, instead string) string {
	shown, exact := known.readable(written)
	s.exact = s.exact && exact
	if shown == "" {
		return instead
	}
	return shown
}

func (s *sheet) pen(style string, size float64, colour [3]int) {
	s.SetFont(family, style, size)
	s.SetTextColor(colour[0], colour[1], colour[2])
}

// line writes a text whose letters stand on y.
func (s *sheet) line(text string, x, y float64) { s.Text(x, y, text) }

// block writes a text into a box, as large as it fits. One that does not fit
// however small it is loses its end.
func (s *sheet) block(text string, b box) {
	if b.width == 0 {
		b.left, b.width = margin, inner
	}
	lines, size := s.fit(text, b)
	s.pen(b.style, size, b.colour)
	height := size * mmPerPoint * lead
	y := b.top + (b.height-height*float64(len(lines)))/2
	for _, l := range lines {
		x := b.left
		switch b.align {
		case middle:
			x += (b.width - s.GetStringWidth(l)) / 2
		case right:
			x += b.width - s.GetStringWidth(l)
		case start:
		}
		s.line(l, x, y+height*0.78)
		y += height
	}
}

// fit finds the largest size at which a text is in its box. Few long lines look
// better than many short ones, so sizes that need one line are tried down to
// three quarters first.
func (s *sheet) fit(text string, b box) (lines []string, size float64) {
	try := func(size float64, most int) bool {
		s.SetFont(family, b.style, size)
		lines = wrap(text, b.width, s.GetStringWidth)
		return len(lines) <= most && float64(len(lines))*size*mmPerPoint*lead <= b.height+0.01
	}
	for size = b.most; size >= max(b.least, b.most*0.75); size -= 0.5 {
		if try(size, 1) {
			return lines, size
		}
	}
	for size = b.most; size >= b.least; size -= 0.5 {
		if try(size, b.lines) {
			return lines, size
		}
	}
	try(b.least, 0)
	if room := max(1, min(b.lines, int(b.height/(b.least*mmPerPoint*lead)))); len(lines) > room {
		lines = lines[:room]
		last := []rune(lines[room-1])
		for len(last) > 0 && s.GetStringWidth(string(last)+string(left)) > b.width {
			last = last[:len(last)-1]
		}
		lines[room-1] = string(last) + string(left)
	}
	return lines, b.least
}

// columns says how a list of courses may be set on the front.
var columns = []struct {
	count int
	sizes []float64
}{{1, []float64{13, 12, 11}}, {2, []float64{11, 10, 9}}, {3, []float64{9, 8, 7.5}}}

const gutter = 7.0

// courses lists courses from top on; false, and nothing is drawn, when there is
// no room for them.
func (s *sheet) courses(courses []string, top, height float64) bool {
	for _, c := range columns {
		width := (inner - gutter*float64(c.count-1)) / float64(c.count)
		for _, size := range c.sizes {
			s.pen(regular, size, ink)
			step := size * mmPerPoint * lead
			set, ok := s.columns(courses, c.count, width, int(height/step))
			if !ok {
				continue
			}
			for i, lines := range set {
				x := margin + float64(i)*(width+gutter)
				for j, l := range lines {
					at := x
					if c.count == 1 {
						at += (width - s.GetStringWidth(l)) / 2
					}
					s.line(l, at, top+float64(j)*step+step*0.78)
				}
			}
			return true
		}
	}
	return false
}

// columns parts courses into columns of about one height, the first ones
// first; false when one gets more lines than there is room for.
func (s *sheet) columns(courses []string, count int, width float64, most int) ([][]string, bool) {
	wrapped, total, longest := make([][]string, len(courses)), 0, 0
	for i, c := range courses {
		wrapped[i] = wrap(c, width, s.GetStringWidth)
		total, longest = total+len(wrapped[i]), max(longest, len(wrapped[i]))
	}
	if total > most*count {
		return nil, false
	}
	for target := max((total+count-1)/count, longest); target <= most; target++ {
		set := [][]string{nil}
		for _, lines := range wrapped {
			if last := len(set) - 1; len(set[last])+len(lines) <= target {
				set[last] = append(set[last], lines...)
			} else {
				set = append(set, lines)
			}
		}
		if len(set) <= count {
			return set, true
		}
	}
	return nil, false
}

// annex lists courses on pages of their own, two columns to a page.
func (s *sheet) annex(p Paper, t texts) {
	const size, top, bottom = 10.0, 42.0, pageHeight - 26
	const width = (inner - gutter) / 2
	const step = size * mmPerPoint * lead
	page, column, y := 1, 2, 0.0
	for i, c := range t.courses {
		s.SetFont(family, regular, size)
		lines := wrap(fmt.Sprintf("%d. %s", i+1, c), width, s.GetStringWidth)
		height := float64(len(lines))*step + 1.5
		if y+height > bottom {
			column, y = column+1, top
		}
		if column >= 2 {
			page++
			s.head(p, t, page)
			column, y = 0, top
		}
		s.pen(regular, size, ink)
		for _, l := range lines {
			s.line(l, margin+float64(column)*(width+gutter), y+step*0.78)
			y += step
		}
		y += 1.5
	}
}

// head begins a page behind the first.
func (s *sheet) head(p Paper, t texts, page int) {
	s.AddPage()
	s.frame()
	if p.Stamp != "" {
		s.stamp(p.Stamp)
	}
	s.block(t.learner+": "+t.certificate, box{top: 18, height: 8, most: 14, least: 7, lines: 1, style: bold, colour: tint})
	s.block("Courses of this certificate", box{top: 27, height: 6, most: 11, least: 11, lines: 1, colour: faint})
	s.block(fmt.Sprintf("%s, page %d", p.Code, page), box{top: 191, height: 4, most: 8, least: 8, lines: 1, colour: faint})
}

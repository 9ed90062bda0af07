package reporting

import (
	"math"
	"strings"
)

// chart draws a chart with its title.
func (s *sheet) chart(c Chart) {
	if c.Lines {
		s.lineChart(c)
		return
	}
	s.barChart(c)
}

func (s *sheet) chartTitle(c Chart) {
	s.pen(bold, 11, ink)
	s.Text(margin, s.y+4.5, s.shownAs(c.Title))
	s.y += 8
}

// barChart has a bar to the right for each label, with its value at its end.
func (s *sheet) barChart(c Chart) {
	const step, thick = 8.0, 5.4
	values := c.Series[0].Values
	s.need(12 + step*float64(len(values)))
	s.chartTitle(c)
	s.pen(regular, 8.5, ink)
	names, widest := make([]string, len(values)), 0.0
	for i := range values {
		names[i] = s.cut(s.shownAs(c.Labels[i]), 56)
		widest = math.Max(widest, s.GetStringWidth(names[i]))
	}
	largest := 0.0
	for _, v := range values {
		largest = math.Max(largest, v)
	}
	if c.Kind == KindRate {
		largest = 100
	}
	left := margin + widest + 3
	room := pageWidth - margin - left - 26
	for i, v := range values {
		y := s.y + float64(i)*step
		s.pen(regular, 8.5, ink)
		s.Text(margin+widest-s.GetStringWidth(names[i]), y+4, names[i])
		s.fill(paleBg)
		s.Rect(left, y, room, thick, "F")
		s.fill(series[0])
		width := room * math.Max(v, 0) / largest
		if v > 0 {
			s.Rect(left, y, math.Max(width, 0.4), thick, "F")
		}
		s.pen(bold, 8.5, ink)
		s.Text(left+room+2, y+4, number(c.Kind, v))
	}
	s.y += step*float64(len(values)) + 5
}

// cut shortens a text to a width.
func (s *sheet) cut(text string, most float64) string {
	runes := []rune(text)
	for len(runes) > 1 && s.GetStringWidth(text) > most {
		runes = runes[:len(runes)-1]
		text = strings.TrimRight(string(runes), " ") + "…"
	}
	return text
}

// lineChart has the labels from left to right and a line for each series.
func (s *sheet) lineChart(c Chart) {
	const height = 58.0
	s.need(height + 26)
	s.chartTitle(c)
	s.legend(c)
	most := 0.0
	for _, line := range c.Series {
		for _, v := range line.Values {
			most = math.Max(most, v)
		}
	}
	ticks := niceTicks(most)
	highest := ticks[len(ticks)-1]
	s.pen(regular, 8, faint)
	axis := 0.0
	for _, t := range ticks {
		axis = math.Max(axis, s.GetStringWidth(label(c.Kind, t)))
	}
	left, right := margin+axis+3, pageWidth-margin-4
	base := s.y + height
	at := func(i int, v float64) (x, y float64) {
		x = left + 4
		if n := len(c.Labels); n > 1 {
			x += (right - left - 8) * float64(i) / float64(n-1)
		}
		return x, base - height*v/highest
	}
	s.draw(rule)
	s.SetLineWidth(0.2)
	for _, t := range ticks {
		_, y := at(0, t)
		s.Line(left, y, right, y)
		text := label(c.Kind, t)
		s.Text(left-2-s.GetStringWidth(text), y+1, text)
	}
	every := (len(c.Labels) + 11) / 12
	for i, l := range c.Labels {
		if i%every != 0 {
			continue
		}
		x, _ := at(i, 0)
		s.Text(x-s.GetStringWidth(l)/2, base+4.5, l)
	}
	for n, line := range c.Series {
		shade := series[n%len(series)]
		s.draw(shade)
		s.fill(shade)
		s.SetLineWidth(0.7)
		for i, v := range line.Values {
			x, y := at(i, v)
			if i > 0 {
				px, py := at(i-1, line.Values[i-1])
				s.Line(px, py, x, y)
			}
			s.Circle(x, y, 0.9, "F")
		}
	}
	s.SetLineWidth(0.2)
	s.y = base + 12
}

// legend names the series, each with its colour.
func (s *sheet) legend(c Chart) {
	if len(c.Series) < 2 {
		return
	}
	x := margin
	for n, line := range c.Series {
		s.fill(series[n%len(series)])
		s.Rect(x, s.y, 3.2, 3.2, "F")
		s.pen(regular, 8.5, ink)
		name := s.shownAs(line.Name)
		s.Text(x+4.6, s.y+2.9, name)
		x += s.GetStringWidth(name) + 12
	}
	s.y += 7
}

// niceTicks are round numbers from 0 to at least most.
func niceTicks(most float64) []float64 {
	if most <= 0 {
		return []float64{0, 1}
	}
	raw := most / 4
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power * 10
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw {
			step = m * power
			break
		}
	}
	if most >= 4 {
		step = math.Ceil(step) // counts are whole
	} else if step < 1 && most == math.Trunc(most) {
		step = 1
	}
	var ticks []float64
	for i := 0; ; i++ {
		ticks = append(ticks, step*float64(i))
		if ticks[i] >= most {
			return ticks
		}
	}
}

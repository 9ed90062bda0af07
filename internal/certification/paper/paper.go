// Package paper draws certificates as PDF files: one landscape page of A4 that
// can be hung on a wall, and pages behind it for courses that have no room there.
//
// The fonts know Latin, Greek and Cyrillic. Letters with marks that they lack
// are shown with fewer marks, other scripts not at all; a line at the foot then
// says that the verification page, to which the QR code leads, has everything as
// it is written.
package paper

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/go-pdf/fpdf"
	"github.com/skip2/go-qrcode"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// Paper is what a certificate says.
type Paper struct {
	Issuer      string // who gives it
	Learner     string
	Certificate string
	Courses     []string // that were completed, in order
	CertifiedAt time.Time
	ExpiresAt   *time.Time // nil: never
	Code        string     // proves it, as people see it
	Link        string     // of the page that verifies it
	// Stamp, such as "REVOKED", is put across a certificate that does not hold
	// any more, and Reason, a short sentence, below it. "": it holds.
	Stamp, Reason string
}

// Measures of a landscape A4, in millimetres.
const (
	pageWidth  = 297.0
	pageHeight = 210.0
	margin     = 24.0
	inner      = pageWidth - 2*margin
)

// Sizes of letters are in points.
const mmPerPoint = 25.4 / 72

const (
	regular = ""
	bold    = "B"
	family  = "go"
)

var (
	ink   = [3]int{28, 32, 40}
	faint = [3]int{95, 103, 115}
	tint  = [3]int{25, 66, 110}
	alarm = [3]int{178, 24, 24}
)

var known = glyphs{must(sfnt.Parse(goregular.TTF))} // bold has the same

func must(f *sfnt.Font, err error) *sfnt.Font {
	if err != nil {
		panic(err) // the embedded font is whole, or nothing works
	}
	return f
}

// sheet is a certificate that is being drawn.
type sheet struct {
	*fpdf.Fpdf
	exact bool // so far every text is shown as it is written
}

// Render draws a certificate. The same Paper gives the same bytes. Errors: a
// Link that is too long for a QR code.
func Render(p Paper) ([]byte, error) {
	if p.Link == "" || p.Code == "" {
		return nil, errors.New("paper: code and link are needed")
	}
	code, err := qrcode.New(p.Link, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("paper: QR code: %w", err)
	}
	code.DisableBorder = true
	s := &sheet{Fpdf: fpdf.New("L", "mm", "A4", ""), exact: true}
	s.SetCatalogSort(true)
	s.SetCreationDate(p.CertifiedAt.UTC())
	s.SetModificationDate(p.CertifiedAt.UTC())
	s.SetProducer("Quad", true)
	s.SetTitle(p.Certificate+": "+p.Learner, true)
	s.SetAuthor(p.Issuer, true)
	s.SetLang("en")
	s.SetMargins(margin, margin, margin)
	s.SetCellMargin(0)
	s.SetAutoPageBreak(false, 0)
	s.AddUTF8FontFromBytes(family, regular, goregular.TTF)
	s.AddUTF8FontFromBytes(family, bold, gobold.TTF)

	s.AddPage()
	s.frame()
	if p.Stamp != "" {
		s.stamp(p.Stamp)
	}
	t := s.texts(p)
	annex := s.front(t)
	s.foot(p, code.Bitmap())
	if len(annex) > 0 {
		s.annex(p, t)
	}
	var out bytes.Buffer
	if err := s.Output(&out); err != nil {
		return nil, fmt.Errorf("paper: %w", err)
	}
	return out.Bytes(), nil
}

// texts is what a certificate says, as it can be shown.
type texts struct {
	issuer, learner, certificate string
	courses                      []string
}

func (s *sheet) texts(p Paper) texts {
	t := texts{
		issuer:      s.text(p.Issuer, ""),
		learner:     s.text(p.Learner, "the person named on the verification page"),
		certificate: s.text(p.Certificate, "named on the verification page"),
		courses:     make([]string, len(p.Courses)),
	}
	for i, c := range p.Courses {
		t.courses[i] = s.text(c, "a course named on the verification page")
	}
	return t
}

func (s *sheet) frame() {
	s.SetDrawColor(tint[0], tint[1], tint[2])
	s.SetLineWidth(1.1)
	s.Rect(9, 9, pageWidth-18, pageHeight-18, "D")
	s.SetLineWidth(0.25)
	s.Rect(11.2, 11.2, pageWidth-22.4, pageHeight-22.4, "D")
}

// stamp is across the page, behind everything else.
func (s *sheet) stamp(text string) {
	s.SetAlpha(0.16, "Normal")
	s.pen(bold, 100, alarm)
	s.TransformBegin()
	s.TransformRotate(24, pageWidth/2, pageHeight/2)
	s.line(text, pageWidth/2-s.GetStringWidth(text)/2, pageHeight/2+12)
	s.TransformEnd()
	s.SetAlpha(1, "Normal")
}

// front writes the page from top to foot. What comes back are the courses that
// belong on further pages.
func (s *sheet) front(t texts) (annex []string) {
	s.block(t.issuer, box{top: 20, height: 10, most: 14, least: 7, lines: 1, colour: faint})
	s.block("CERTIFICATE", box{top: 31, height: 9, most: 20, least: 20, lines: 1, style: bold, colour: tint})
	s.block("This certifies that", box{top: 46, height: 6, most: 11, least: 11, lines: 1, colour: faint})
	s.block(t.learner, box{top: 53, height: 22, most: 34, least: 8, lines: 3, style: bold, colour: ink})
	s.SetDrawColor(tint[0], tint[1], tint[2])
	s.SetLineWidth(0.3)
	s.Line(pageWidth/2-45, 77, pageWidth/2+45, 77)
	s.block("has earned the certificate", box{top: 79.5, height: 6, most: 11, least: 11, lines: 1, colour: faint})
	s.block(t.certificate, box{top: 86, height: 19, most: 24, least: 7, lines: 3, style: bold, colour: tint})
	if len(t.courses) == 0 {
		return nil
	}
	const head = "by completing"
	if s.courses(t.courses, 116, 41) {
		s.block(head, box{top: 107.5, height: 6, most: 11, least: 11, lines: 1, colour: faint})
		return nil
	}
	s.block(fmt.Sprintf("%s the %d courses that the following pages list", head, len(t.courses)),
		box{top: 116, height: 8, most: 12, least: 12, lines: 1, colour: ink})
	return t.courses
}

// foot has dates and code on the left and the QR code on the right.
func (s *sheet) foot(p Paper, code [][]bool) {
	const top = 161.0
	until := "without end"
	if p.ExpiresAt != nil {
		until = Date(*p.ExpiresAt)
	}
	for i, pair := range [][2]string{{"Certified on", Date(p.CertifiedAt)}, {"Valid until", until}} {
		x := margin + float64(i)*62
		s.pen(regular, 9, faint)
		s.line(pair[0], x, top+4)
		s.pen(bold, 13, ink)
		s.line(pair[1], x, top+10.5)
	}
	s.pen(regular, 9, faint)
	s.line("Verification code", margin, top+18)
	s.pen(bold, 12, ink)
	s.line(p.Code, margin, top+24)
	if p.Stamp != "" {
		const x, width, height = margin + 124, 68.0, 26.0
		s.SetFillColor(alarm[0], alarm[1], alarm[2])
		s.Rect(x, top, width, height, "F")
		white := [3]int{255, 255, 255}
		s.block(p.Stamp, box{left: x + 3, width: width - 6, top: top + 2, height: 11, most: 24, least: 12, lines: 1, style: bold, colour: white})
		s.block(p.Reason, box{left: x + 3, width: width - 6, top: top + 13, height: 11, most: 10, least: 6, lines: 2, colour: white})
	}
	s.qr(code, pageWidth-margin-31, top-4, 31)
	s.LinkString(pageWidth-margin-31, top-4, 31, 31, p.Link)
	s.block(p.Link, box{left: margin, width: inner, top: 191, height: 4, most: 8, least: 5, lines: 1, colour: faint, align: right})
	if !s.exact {
		s.block("Some characters cannot be printed here. The verification page shows all of them.",
			box{left: margin, width: inner / 2, top: 191, height: 4, most: 8, least: 5, lines: 1, colour: faint, align: start})
	}
}

// qr draws a QR code without a border: around it is nothing dark.
func (s *sheet) qr(code [][]bool, left, top, size float64) {
	s.SetFillColor(255, 255, 255)
	s.Rect(left-3, top-3, size+6, size+6, "F")
	s.SetFillColor(0, 0, 0)
	step := size / float64(len(code))
	for y, row := range code {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from { // one piece, or thin lines show between the modules
				s.Rect(left+float64(from)*step, top+float64(y)*step, float64(x-from)*step, step, "F")
			}
		}
	}
}

// Date writes a day out, in UTC.
func Date(t time.Time) string { return t.UTC().Format("2 January 2006") }

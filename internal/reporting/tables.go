package reporting

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"quad/internal/csvfile"
	"quad/models"
)

// renderCSV writes all tables one after the other: a line that names the table,
// its head, its rows. First come what the report is about and its figures.
func (s *Service) renderCSV(ctx context.Context, w io.Writer, r models.Report, d Data) error {
	buffer := bufio.NewWriterSize(w, 1<<16)
	if _, err := buffer.Write(csvfile.UTF8BOM); err != nil {
		return err
	}
	out := csv.NewWriter(buffer)
	line := func(cells ...string) error { return out.Write(cells) }
	for _, pair := range head(d) {
		if err := line(defused(pair[0]), defused(pair[1])); err != nil {
			return err
		}
	}
	if err := line("Figure", "Value", "Before"); err != nil {
		return err
	}
	for _, f := range d.Facts {
		before := ""
		if f.Before != nil {
			before = strconv.FormatFloat(*f.Before, 'f', -1, 64)
		}
		if err := line(f.Name, strconv.FormatFloat(f.Value, 'f', -1, 64), before); err != nil {
			return err
		}
	}
	begun := -1
	begin := func(until int) error { // also tables without rows
		for ; begun < until; begun++ {
			t := d.Tables[begun+1]
			names := make([]string, len(t.Columns))
			for i, c := range t.Columns {
				names[i] = columnName(c)
			}
			if err := out.Write([]string{}); err != nil {
				return err
			}
			if err := line(defused(t.Title)); err != nil {
				return err
			}
			if err := line(names...); err != nil {
				return err
			}
		}
		return nil
	}
	err := s.eachRow(ctx, *r.DataKey, func(table int, row []any) error {
		if err := begin(table); err != nil {
			return err
		}
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = plainCell(v)
		}
		return line(cells...)
	})
	if err != nil {
		return err
	}
	if err := begin(len(d.Tables) - 1); err != nil {
		return err
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	return buffer.Flush()
}

// head is what a report is about, for the files of tables.
func head(d Data) [][2]string {
	return [][2]string{
		{"Report", d.Title}, {"Type", typeTitle(d.Type)}, {"Tenant", d.Scope}, {"Period", d.Period()},
		{"Figures as of", d.AsOf.UTC().Format("2006-01-02 15:04:05") + " UTC"},
	}
}

// columnName says the unit of values that are plain numbers.
func columnName(c Column) string {
	switch c.Kind {
	case KindRate:
		return c.Name + " (%)"
	case KindMinutes:
		return c.Name + " (min)"
	case KindText, KindCount, KindMoney, KindDay:
	}
	return c.Name
}

func plainCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return defused(v)
	}
	return fmt.Sprint(v)
}

// mostSheetRows is how many rows a sheet of XLSX can have.
const mostSheetRows = 1_048_576

// book is an XLSX file that is being written.
type book struct {
	*excelize.File
	styles map[Kind]int
	bold   int
	names  map[string]bool
}

func newBook() (*book, error) {
	b := &book{File: excelize.NewFile(), styles: map[Kind]int{}, names: map[string]bool{}}
	for kind, format := range map[Kind]string{
		KindCount: "#,##0", KindRate: "0.0", KindMoney: "#,##0.00", KindMinutes: "#,##0", KindDay: "yyyy-mm-dd", KindText: "@",
	} {
		style, err := b.NewStyle(&excelize.Style{CustomNumFmt: &format})
		if err != nil {
			return nil, err
		}
		b.styles[kind] = style
	}
	var err error
	b.bold, err = b.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"19426E"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"},
	})
	return b, err
}

// cell makes a value one of its kind.
func (b *book) cell(kind Kind, v any) any {
	style := b.styles[kind]
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if day, err := time.Parse(time.DateOnly, v); kind == KindDay && err == nil {
			return excelize.Cell{StyleID: style, Value: day}
		}
		return excelize.Cell{StyleID: b.styles[KindText], Value: cutCell(defused(v))}
	default:
		return excelize.Cell{StyleID: style, Value: v}
	}
}

// cutCell keeps a text within what a cell can hold.
func cutCell(text string) string {
	if utf8.RuneCountInString(text) <= excelize.TotalCellChars {
		return text
	}
	return string([]rune(text)[:excelize.TotalCellChars])
}

// sheetName makes a title the name of a sheet: short, without what is not
// allowed in one, and not there yet.
func (b *book) sheetName(title string) string {
	name := strings.Trim(strings.NewReplacer(":", " ", "\\", " ", "/", " ", "?", " ", "*", " ", "[", " ", "]", " ").Replace(title), "' ")
	if i := strings.IndexByte(name, ','); i > 0 {
		name = name[:i]
	}
	if runes := []rune(name); len(runes) > excelize.MaxSheetNameLength-3 {
		name = strings.TrimSpace(string(runes[:excelize.MaxSheetNameLength-3]))
	}
	for n, base := 2, name; b.names[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s %d", base, n)
	}
	b.names[strings.ToLower(name)] = true
	return name
}

// tab is a sheet that is being written row by row.
type tab struct {
	*excelize.StreamWriter
	row int
}

func (t *tab) add(cells ...any) error {
	t.row++
	return t.SetRow("A"+strconv.Itoa(t.row), cells)
}

// renderXLSX writes a sheet about the report with its figures, and one for each
// of its tables.
func (s *Service) renderXLSX(ctx context.Context, w io.Writer, r models.Report, d Data, text draft) error {
	b, err := newBook()
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // removes its temporary files
	if err := b.SetDocProps(&excelize.DocProperties{Title: d.Title, Creator: "Quad", Created: d.AsOf.UTC().Format(time.RFC3339)}); err != nil {
		return err
	}
	if err := b.about(d, text); err != nil {
		return err
	}
	var open *tab
	begun := -1
	begin := func(until int) error {
		for ; begun < until; begun++ {
			if open != nil {
				if err := open.Flush(); err != nil {
					return err
				}
			}
			if open, err = b.tableTab(d.Tables[begun+1]); err != nil {
				return err
			}
		}
		return nil
	}
	err = s.eachRow(ctx, *r.DataKey, func(table int, row []any) error {
		if err := begin(table); err != nil {
			return err
		}
		if open.row == mostSheetRows-1 {
			return open.add("more rows are in the CSV file")
		}
		if open.row >= mostSheetRows {
			return nil
		}
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = b.cell(d.Tables[table].Columns[i].Kind, v)
		}
		return open.add(cells...)
	})
	if err != nil {
		return err
	}
	if err := begin(len(d.Tables) - 1); err != nil {
		return err
	}
	if open != nil {
		if err := open.Flush(); err != nil {
			return err
		}
	}
	b.SetActiveSheet(0)
	_, err = b.WriteTo(w)
	return err
}

// about writes the first sheet.
func (b *book) about(d Data, text draft) error {
	name := b.sheetName("Report")
	if err := b.SetSheetName("Sheet1", name); err != nil {
		return err
	}
	stream, err := b.NewStreamWriter(name)
	if err != nil {
		return err
	}
	if err := stream.SetColWidth(1, 1, 34); err != nil {
		return err
	}
	if err := stream.SetColWidth(2, 3, 22); err != nil {
		return err
	}
	t := &tab{StreamWriter: stream}
	rows := head(d)
	rows = append(rows, [2]string{"Summary", text.Summary})
	if text.Note != "" {
		rows = append(rows, [2]string{"Note", text.Note})
	}
	for _, pair := range rows {
		if err := t.add(pair[0], b.cell(KindText, pair[1])); err != nil {
			return err
		}
	}
	t.row++
	if err := t.add(excelize.Cell{StyleID: b.bold, Value: "Figure"}, excelize.Cell{StyleID: b.bold, Value: "Value"}, excelize.Cell{StyleID: b.bold, Value: "Before"}); err != nil {
		return err
	}
	for _, f := range d.Facts {
		var before any
		if f.Before != nil {
			before = b.cell(f.Kind, *f.Before)
		}
		if err := t.add(columnName(Column{f.Name, f.Kind}), b.cell(f.Kind, f.Value), before); err != nil {
			return err
		}
	}
	return t.Flush()
}

// tableTab begins the sheet of a table.
func (b *book) tableTab(table Table) (*tab, error) {
	name := b.sheetName(table.Title)
	if _, err := b.NewSheet(name); err != nil {
		return nil, err
	}
	stream, err := b.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	t := &tab{StreamWriter: stream}
	heads := make([]any, len(table.Columns))
	for i, c := range table.Columns {
		width := 16.0
		if c.Kind == KindText {
			width = 32
		}
		if err := stream.SetColWidth(i+1, i+1, width); err != nil {
			return nil, err
		}
		heads[i] = excelize.Cell{StyleID: b.bold, Value: columnName(c)}
	}
	return t, t.add(heads...)
}

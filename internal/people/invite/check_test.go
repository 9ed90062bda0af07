package invite

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"quad/models"
)

// failure checks a file that cannot be imported, and that it ends with a reason
// in all places where somebody looks.
func (e *env) failure(path string) string {
	e.t.Helper()
	f, err := e.svc.Submit(e.ctx, Submission{Path: path})
	require.NoError(e.t, err)
	f = e.run(f)
	require.Equal(e.t, models.InviteFileFailed, f.Status)
	require.NotNil(e.t, f.Failure)
	p := e.proc(f)
	require.Equal(e.t, models.ProcessFailed, p.State)
	require.Equal(e.t, *f.Failure, *p.Error)
	require.Contains(e.t, strings.ReplaceAll(e.result(f), `""`, `"`), *f.Failure)
	return *f.Failure
}

func TestFilesThatCannotBeImported(t *testing.T) {
	cfg := testConfig()
	cfg.MaxRows, cfg.MaxBytes, cfg.PageRows = 5, 300_000, 2
	e := newEnv(t, cfg)
	before := e.world()
	const row = "A,a@b.example,mentor\n"
	for name, tc := range map[string]struct{ content, want string }{
		"empty":               {"", "empty"},
		"blank lines only":    {"\n\r\n , \n", "empty"},
		"wrong header":        {"first,second\n" + row, "header"},
		"no header":           {row + row, "header"},
		"column twice":        {"name,email,roles,name\n" + row, "header"},
		"tabs":                {"name\temail\troles\n" + row, "header"},
		"no row":              {"name,email,roles\n\n ,,\n", "no row"},
		"too many rows":       {"name,email,roles\n" + strings.Repeat(row, 6), "more than the 5 rows"},
		"too large":           {"name,email,roles\n" + strings.Repeat("x", 300_000), "bytes"},
		"utf-16":              {"\xff\xfen\x00a\x00m\x00e\x00", "UTF-16"},
		"latin 1":             {"name,email,roles\nM\xfcller,a@b.example,mentor\n", "row 1"},
		"latin 1 in a header": {"n\xfcme,email,roles\n" + row, "UTF-8"},
		"nul":                 {"name,email,roles\nA\x00,a@b.example,mentor\n", "UTF-8"},
		"one endless line":    {strings.Repeat("name,", 50_000), "header"},
		"zip of nothing":      {"PK\x03\x04 and so on", "XLSX"},
	} {
		t.Run(name, func(t *testing.T) {
			path := "bad/" + strings.ReplaceAll(name, " ", "-") + ".csv"
			e.upload(path, []byte(tc.content))
			require.Contains(t, e.failure(path), tc.want)
		})
	}
	t.Run("missing", func(t *testing.T) { require.Contains(t, e.failure("never/uploaded.csv"), "no file") })
	t.Run("registered but never uploaded", func(t *testing.T) {
		require.NoError(t, e.db.Conn(e.ctx).Create(&models.StoredFile{OrganizationID: e.org, Path: "announced.csv", Name: "x", Purpose: "upload"}).Error)
		require.Contains(t, e.failure("announced.csv"), "no file")
	})
	t.Run("another organization's", func(t *testing.T) {
		e.upload("foreign.csv", []byte("name,email,roles\n"+row))
		require.NoError(t, e.db.Conn(e.ctx).Model(&models.StoredFile{}).Where("path = 'foreign.csv'").Update("organization_id", e.other).Error)
		require.Contains(t, e.failure("foreign.csv"), "no file")
	})
	t.Run("outside of the store", func(t *testing.T) { require.Contains(t, e.failure("../../etc/passwd"), "no file") })
	require.Equal(t, before["invites"], e.world()["invites"])
}

// The ways in which spreadsheets and editors write the same list.
func TestFilesOfAllShapes(t *testing.T) {
	e := newEnv(t, testConfig())
	for name, content := range map[string]string{
		"plain":        "name,email,roles\nAnn Lee,%s,\"mentor,mentee\"\n",
		"bom":          "\xEF\xBB\xBFname,email,roles\r\nAnn Lee,%s,\"mentor,mentee\"\r\n",
		"semicolons":   "name;email;roles\nAnn Lee;%s;mentor,mentee\n",
		"order, case":  " ROLES , Name,EMail\n\"mentor,mentee\",Ann Lee,%s\n",
		"quoted names": "\"name\";\"email\";\"roles\"\n\"Ann Lee\";\"%s\";\"mentor;mentee\"\n",
		"more columns": "id,name,phone,email,roles\n7,Ann Lee,+49 1,%s,\"mentor,mentee\"\n",
		"blank start":  "\n\nname,email,roles\nAnn Lee,%s,\"mentor,mentee\"",
	} {
		t.Run(name, func(t *testing.T) {
			slug := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			email := slug + "@shape.example"
			f := e.run(e.submit(slug+".csv", fmt.Sprintf(content, email)))
			require.Equal(t, models.InviteFileProcessed, f.Status)
			require.Equal(t, string(Invited), e.verdictsOf(f)[0].Verdict)
			var i models.Invite
			require.NoError(t, e.db.Conn(e.ctx).Where("email = ?", email).Take(&i).Error)
			require.Equal(t, "Ann Lee", i.Name)
			require.Len(t, i.RoleIDs, 2)
			head, _, _ := strings.Cut(e.result(f), "\n")
			require.True(t, strings.HasSuffix(head, "statusOrUserId"), head)
			require.Equal(t, strings.HasPrefix(content, "\xEF"), strings.HasPrefix(head, "\xEF"))
		})
	}
	require.Contains(t, e.result(e.run(e.submit("more2.csv", "phone,name,email,roles\n+1,A,phone@shape.example,mentor\n"))), "\"'+1\",A,phone@shape.example,mentor,")
}

func sheet(t *testing.T, rows [][]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	for i, row := range rows {
		require.NoError(t, book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row))
	}
	var b bytes.Buffer
	require.NoError(t, book.Write(&b))
	return b.Bytes()
}

func TestSpreadsheet(t *testing.T) {
	cfg := testConfig()
	cfg.MaxRows = 10
	e := newEnv(t, cfg)
	e.upload("list.xlsx", sheet(t, [][]any{
		{"Email", "Name", "Roles"}, {"sheet@list.example", "Sheet, One", "mentor,mentee"}, {}, {"bad", 12, "mentor"},
	}))
	f, err := e.svc.Submit(e.ctx, Submission{Path: "list.xlsx"})
	require.NoError(t, err)
	f = e.run(f)
	require.Equal(t, models.InviteFileProcessed, f.Status)
	require.Equal(t, []string{"invited", "invalid_email"}, []string{e.verdictsOf(f)[0].Verdict, e.verdictsOf(f)[1].Verdict})
	require.Contains(t, e.result(f), "sheet@list.example,\"Sheet, One\",\"mentor,mentee\",")

	many := [][]any{{"name", "email", "roles"}}
	for range 11 {
		many = append(many, []any{"A", "a@b.example", "mentor"})
	}
	e.upload("many.xlsx", sheet(t, many))
	require.Contains(t, e.failure("many.xlsx"), "more than the 10 rows")
	e.upload("empty.xlsx", sheet(t, nil))
	require.Contains(t, e.failure("empty.xlsx"), "empty")
}

// Zip bombs are refused by their directory, before they are unpacked.
func TestZipBombs(t *testing.T) {
	bomb := func(parts int, size int64) string {
		t.Helper()
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i := range parts {
			part, err := w.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1))
			require.NoError(t, err)
			zeros := make([]byte, 1<<20)
			for left := size; left > 0; left -= int64(len(zeros)) {
				_, err = part.Write(zeros[:min(left, int64(len(zeros)))])
				require.NoError(t, err)
			}
		}
		require.NoError(t, w.Close())
		path := filepath.Join(t.TempDir(), "bomb.xlsx")
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
		return path
	}
	cfg := testConfig()
	cfg.MaxBytes = 1 << 20
	for name, tc := range map[string]struct {
		path string
		want string
	}{
		"one huge part":        {bomb(1, 64<<20), "unpacks to more"},
		"many parts":           {bomb(8, 1<<20), "unpacks to more"},
		"far too well packed":  {bomb(3, 1<<20), "packed far beyond"},
		"thousands of nothing": {bomb(maxXLSXParts+1, 0), "XLSX"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.ErrorContains(t, sheetToCSV(tc.path, &out, cfg, func(int64) {}), tc.want)
			require.Zero(t, out.Len())
		})
	}
}

// FuzzSheet: no spreadsheet ends the worker, and each gives CSV or a reason.
func FuzzSheet(f *testing.F) {
	book := excelize.NewFile()
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.xlsx")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		cfg := testConfig()
		cfg.MaxBytes = 1 << 20
		if err := sheetToCSV(path, &bytes.Buffer{}, cfg, func(int64) {}); err != nil {
			require.ErrorAs(t, err, new(unusable))
		}
	})
}

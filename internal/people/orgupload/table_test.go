package orgupload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/csvfile"
	"quad/models"
)

func TestHeaders(t *testing.T) {
	for name, tc := range map[string]struct {
		kind    models.OrgFileKind
		content string
		want    string // of the message; "": the file can be used
	}{
		"any order and case":        {models.OrgFileUsers, "EMAIL, Identifier ,possibleroles\n", ""},
		"semicolons, mark, no rows": {models.OrgFileUserGroups, "\xEF\xBB\xBFgroupIdentifier;userIdentifier", ""},
		"blank lines before":        {models.OrgFileGroups, "\r\n;;\r\nidentifier;name\r\n", ""},
		"nothing":                   {models.OrgFileGroups, "\n \n", "The file is empty"},
		"lacks one":                 {models.OrgFileUserGroups, "userIdentifier", "The header lacks groupIdentifier. The columns of user_groups.csv are userIdentifier, groupIdentifier."},
		"unknown":                   {models.OrgFileUsers, "identifier,nick,E-mail\n", "not known: nick, E-mail."},
		"unknown among semicolons":  {models.OrgFileUsers, "identifier;nick\n", "not known: nick."},
		"long unknown":              {models.OrgFileUsers, "identifier," + strings.Repeat("é", 300) + "\n", "…"},
		"twice":                     {models.OrgFileUsers, "identifier,email,Email\n", "names email twice"},
		"unnamed":                   {models.OrgFileUsers, "identifier,,email\n", "not known"},
		"data for a header":         {models.OrgFileUsers, "u-1,ann\n", "lacks identifier"},
		"quotes":                    {models.OrgFileUsers, "\"identifier\n", "cannot be read"},
		"UTF-16":                    {models.OrgFileUsers, "\xFF\xFEi\x00d\x00", "not UTF-8"},
		"Latin-1 row":               {models.OrgFileUsers, "identifier\nu-1\nJos\xE9\n", "row 2 cannot be read"},
		"Latin-1 header":            {models.OrgFileUsers, "identifier,n\xE9\n", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readTable(tc.kind, []byte(tc.content))
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, new(unusable))
			require.Contains(t, err.Error(), tc.want)
		})
	}
	_, err := readTable(models.OrgFileUsers, append([]byte("identifier\n"), bytes.Repeat([]byte("u\n"), MaxRows)...))
	require.NoError(t, err)
	_, err = readTable(models.OrgFileUsers, append([]byte("identifier\n"), bytes.Repeat([]byte("u\n"), MaxRows+1)...))
	require.ErrorContains(t, err, "more than the 200000 rows")
}

func TestRowsAndTheirFaults(t *testing.T) {
	table, err := readTable(models.OrgFileGroups, []byte("name;identifier;type\n\"a;\"\"b\"\"\nc\";  x ;\n;;\nonly\n\"open\nn;i;t;\nn;i;t;more\n"+
		strings.Repeat("x", csvfile.MaxRecord+1)+"\n"))
	require.NoError(t, err)
	require.Len(t, table.rows, 6)
	for i, want := range []any{
		row{"name": "a;\"b\"\nc", "identifier": "  x "}, row{"name": "only"}, errRowMalformed,
		row{"name": "n", "identifier": "i", "type": "t"}, errRowCells, errRowTooLong,
	} {
		r, err := table.row(i)
		if refusal, ok := want.(error); ok {
			require.ErrorIs(t, err, refusal, i)
			continue
		}
		require.NoError(t, err, i)
		require.Equal(t, want, r, i)
	}
}

func TestCellsThatAreNotThereSayNothing(t *testing.T) {
	c, err := row{colIdentifier: "u", colPossibleRoles: " LEARNER;; EDITOR ", colEmail: "a@b.c"}.person()
	require.NoError(t, err)
	require.Equal(t, []string{"LEARNER", "EDITOR"}, c.PossibleRoles)
	require.True(t, c.Email.Sent)
	require.False(t, c.Phone.Sent)
	require.Nil(t, c.Active)
	require.Nil(t, c.CustomAttributes)
	require.Nil(t, c.Password)
	c, err = row{colIdentifier: "u", colPossibleRoles: ";"}.person()
	require.NoError(t, err)
	require.NotNil(t, c.PossibleRoles, "a list without a role is a mistake")
	require.Empty(t, c.PossibleRoles)
	_, err = row{colIsActive: "TRUE"}.person()
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	g := row{colName: "n", colParentIdentifier: "p"}.group()
	require.Equal(t, "p", g.Parent.Value.Identifier)
	require.False(t, g.SubAccount.Sent)
}

func groups(t testing.TB, lines ...string) *table {
	t.Helper()
	table, err := readTable(models.OrgFileGroups, []byte("identifier,parentIdentifier,name\n"+strings.Join(lines, "\n")))
	require.NoError(t, err)
	return table
}

func TestGroupsComeAfterThoseAbove(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  []int
	}{
		"in order":          {[]string{"a,", "b,a", "c,b"}, []int{0, 1, 2}},
		"reversed":          {[]string{"c,b", "b,a", "a,"}, []int{2, 1, 0}},
		"elsewhere":         {[]string{"b,there", "a,"}, []int{0, 1}},
		"circle":            {[]string{"x,a", "a,b", "b,a"}, []int{2, 1, 0}},
		"of itself":         {[]string{"a,a", "b,a"}, []int{0, 1}},
		"twice":             {[]string{"b,a", "a,,first", "b,c", "a,,second", "c,"}, []int{1, 0, 4, 2, 3}},
		"nobody's children": {[]string{",a", "a,", ",", "\"bad\"x,a"}, []int{1, 0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			table := groups(t, tc.lines...)
			got := table.sequence(models.OrgFileGroups)
			if name == "nobody's children" {
				got = got[:3] // the bad row comes where it stands
			}
			require.Equal(t, tc.want, got)
		})
	}
	// As deep as a file can be long.
	lines := make([]string, 50_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("g%d,g%d", i, i+1)
	}
	order := groups(t, lines...).sequence(models.OrgFileGroups)
	slices.Reverse(order)
	require.True(t, slices.IsSorted(order))
	require.Len(t, order, len(lines))
}

// FuzzTable: whatever a file holds, it is refused with a reason or has rows that
// are each worked on once, the one above before the one below unless they are in
// a circle.
func FuzzTable(f *testing.F) {
	f.Add([]byte("identifier,parentIdentifier\nb,a\na,\n"))
	f.Add([]byte("\xEF\xBB\xBFparentIdentifier;identifier\r\n\"x\ny\";a\r\n;;;\r\na;a"))
	f.Add([]byte("identifier,isActive,possibleRoles,customAttributes\nu,true,A;B,{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for kind := range layouts {
			table, err := readTable(kind, content)
			if err != nil {
				require.ErrorAs(t, err, new(unusable))
				continue
			}
			order := table.sequence(kind)
			place := make(map[string]int)
			for at, i := range order {
				r, err := table.row(i)
				if err != nil {
					require.Equal(t, models.KindInvalid, models.KindOf(err))
					continue
				}
				if _, known := place[r[colIdentifier]]; !known {
					place[r[colIdentifier]] = at
				}
				_, _ = r.person()
				_ = r.group()
			}
			slices.Sort(order)
			for i, at := range order {
				require.Equal(t, i, at, "each row once")
			}
			require.Len(t, order, len(table.rows))
		}
	})
}

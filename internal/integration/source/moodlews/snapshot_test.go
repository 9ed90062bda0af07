package moodlews

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
)

// keyOf makes a key, which must fit.
func keyOf(t *testing.T, k keys, a, b int64) int64 {
	t.Helper()
	key, ok := k.of(a, b)
	require.True(t, ok)
	return key
}

// What the token's user may not see of one course or person stays as it was.
func TestWhatIsNotShownIsKept(t *testing.T) {
	t.Parallel()
	s := plain(t)
	s.say(fnCourses, `{"courses": [{"id": 1, "format": "site"}, {"id": 3, "visible": 1, "enablecompletion": 1}, {"id": 2, "visible": 1, "enablecompletion": 0}],
		"warnings": [{"item": "course", "itemid": 5, "warningcode": "1"}]}`)
	s.do(fnEnrolled, by("courseid", map[string]string{"": exception("nopermissions")}))
	// Of course 3 the first page is short, since most on it are not shown.
	pages := by("options[2][value]", map[string]string{
		"0":    `[{"id": 7, "roles": [{"roleid": 5, "shortname": "student"}, {"roleid": 5, "shortname": "student"}, {"roleid": 3, "shortname": "teacher"}]}, {"id": 8}]`,
		"1000": `[{"id": 9, "roles": null}]`, "": `[]`,
	})
	active := by("options[2][value]", map[string]string{"0": `[{"id": 7}, {"id": 9}]`, "": `[]`})
	refused := saying(exception("nopermissions"))
	s.do(fnEnrolled, choose(func(form func(string) string) int {
		switch {
		case form("courseid") != "3":
			return 0
		case form("options[4][name]") == "onlyactive":
			return 1
		}
		return 2
	}, refused, active, pages))
	s.do(fnCompletion, by("userid", map[string]string{
		"7": `{"completionstatus": {"completed": true, "completions": [{"complete": true, "timecompleted": 50}, {"complete": true, "timecompleted": 70},
			{"complete": false, "timecompleted": 90}]}}`,
		"9": `{"completionstatus": {"completed": true, "completions": [{"complete": true, "timecompleted": null}]}}`,
	}))
	s.say(fnContents, `[]`)
	s.do(fnQuizzes, by("courseids[0]", map[string]string{"2": `{"quizzes": [], "warnings": [{"item": "course", "itemid": 2}]}`, "3": `{"quizzes": [{"id": 4, "sumgrades": 1e1}]}`}))
	snap := look(t, New(), s.settings())

	span := func(course int64) source.Span {
		at, ok := pairKeys.span(course)
		require.True(t, ok)
		return at
	}
	courses := readTable(t, snap, source.Courses, 1)
	require.Len(t, courses.rows, 2)
	require.Equal(t, []source.Span{{First: 4, Last: 5}}, courses.kept)

	enrolments := readTable(t, snap, source.Enrolments, 2)
	require.Equal(t, []source.Span{span(2), span(5)}, enrolments.kept)
	require.Equal(t, map[source.Reason]int64{source.ReasonNotShown: 2}, enrolments.skipped)
	require.Len(t, enrolments.rows, 3)
	for i, user := range []int64{7, 8, 9} {
		require.Equal(t, source.Row{ID: keyOf(t, pairKeys, 3, user), Values: []any{user, int64(3), "", user != 8, nil, nil, nil}}, enrolments.rows[i])
	}
	roles := readTable(t, snap, source.Roles, 10)
	require.Len(t, roles.rows, 2)
	require.Equal(t, []any{int64(7), int64(3), true, "student"}, roles.rows[1].Values)

	completions := readTable(t, snap, source.Completions, 10)
	require.Equal(t, []source.Row{{ID: keyOf(t, pairKeys, 3, 7), Values: []any{int64(7), int64(3), time.Unix(70, 0).UTC()}}}, completions.rows)
	suspended := keyOf(t, pairKeys, 3, 8)
	require.Equal(t, []source.Span{{First: suspended - 1, Last: suspended}, span(5)}, completions.kept)
	require.Equal(t, int64(1), completions.skipped[source.ReasonTimeUnknown])

	// Who is in course 2 is not known, so nobody's activities are.
	require.Equal(t, []source.Span{all}, readTable(t, snap, source.ActivityStates, 10).kept)
	require.Equal(t, []source.Span{all}, readTable(t, snap, source.QuizAttempts, 10).kept)
	quizzes := readTable(t, snap, source.Quizzes, 10)
	require.Equal(t, []any{int64(3), "", 10.0, nil}, quizzes.rows[0].Values)
	require.Equal(t, []source.Span{span(2), span(5)}, quizzes.kept)
}

// A course that nobody can complete has no completions, and is no error.
func TestCourseWithoutCriteria(t *testing.T) {
	t.Parallel()
	s := plain(t)
	s.do(fnEnrolled, by("options[2][value]", map[string]string{"0": `[{"id": 7}, {"id": 8}]`, "": `[]`}))
	s.say(fnCompletion, exception(codeNoCriteria))
	c := readTable(t, look(t, New(), s.settings()), source.Completions, 10)
	require.Empty(t, c.rows)
	require.Empty(t, c.kept)
	require.Empty(t, c.skipped)
	s.say(fnCompletion, exception("usernotenroled"))
	require.ErrorIs(t, fails(t, s.settings(), options(), source.Completions), source.ErrIncomplete)
}

// A part of a table whose function is not in the service stays as it is, and a
// table without any is absent.
func TestAbsentParts(t *testing.T) {
	t.Parallel()
	s := plain(t)
	s.say(fnSiteInfo, siteInfo(fnSiteInfo, fnUsers, fnCourses, fnEnrolled, fnBadges))
	s.do(fnBadges, by("page", map[string]string{"0": `{"badges": [{"id": 3, "name": "B", "uniquehash": "x", "dateissued": 60, "dateexpire": null, "courseid": null}]}`}))
	src, err := New().Open(t.Context(), s.settings(), options())
	require.NoError(t, err)
	d, err := src.Describe(t.Context())
	require.NoError(t, err)
	require.NoError(t, src.Close())
	require.Equal(t, []string{source.Users, source.Courses, source.Enrolments, source.Roles, source.Awards}, d.Tables)
	require.Equal(t, "Moodle 4.1.2 (Build: 20230313)", d.Product)
	require.Equal(t, "the function "+fnAttempts+" or "+fnAttempts50+" is not in the service that the token is for", func() string {
		absent, err := absentOf(map[string]bool{fnUsers: true, fnCourses: true, fnEnrolled: true, fnQuizzes: true})
		require.NoError(t, err)
		return absent[source.QuizAttempts]
	}())
	awards := readTable(t, look(t, New(), s.settings()), source.Awards, 10)
	require.Equal(t, []source.Span{{First: 0, Last: badgeKeys.base}}, awards.kept[:1])
	require.Equal(t, []any{"badge", "badge", "B", int64(7), nil, "x", time.Unix(60, 0).UTC(), nil}, awards.rows[0].Values)

	s.say(fnSiteInfo, siteInfo(fnSiteInfo, fnUsers, fnCourses, fnEnrolled, fnContents, fnCertificates))
	s.do(fnContents, by("courseid", map[string]string{"3": `[{"modules": [{"id": 11, "instance": 4, "modname": "customcert", "name": "Z"}]}]`, "": `[]`}))
	s.do(fnCertificates, by("offset", map[string]string{"0": `[{"issue": {"id": 9, "code": 77, "timecreated": "60"}, "user": {"id": 7}}]`, "": `[]`}))
	awards = readTable(t, look(t, New(), s.settings()), source.Awards, 10)
	require.Equal(t, []source.Row{{
		ID: keyOf(t, certificateKeys, 4, 9), Values: []any{"certificate", "customcert", "Z", int64(7), int64(3), "77", time.Unix(60, 0).UTC(), nil},
	}}, awards.rows)
	require.Equal(t, []source.Span{{First: badgeKeys.base, Last: math.MaxInt64}}, awards.kept)
}

// Reading goes on at any key, with another snapshot, as if it had not stopped,
// and ends where it is told to.
func TestReadingGoesOn(t *testing.T) {
	t.Parallel()
	s := plain(t)
	s.do(fnEnrolled, by("options[2][value]", map[string]string{"0": `[{"id": 7}, {"id": 8}, {"id": 12}]`, "": `[]`}))
	whole := readTable(t, look(t, New(), s.settings()), source.Enrolments, 100).rows
	require.Len(t, whole, 6)
	for i, row := range whole {
		for _, after := range []int64{row.ID - 1, row.ID} {
			rest := whole[i:]
			if after == row.ID {
				rest = whole[i+1:]
			}
			page, err := look(t, New(), s.settings()).Read(t.Context(), source.Enrolments, after, math.MaxInt64, 100)
			require.NoError(t, err)
			require.True(t, page.Done)
			require.Equal(t, append([]source.Row{}, rest...), append([]source.Row{}, page.Rows...))
		}
		page, err := look(t, New(), s.settings()).Read(t.Context(), source.Enrolments, 0, row.ID, 100)
		require.NoError(t, err)
		require.True(t, page.Done)
		require.Equal(t, row.ID, page.Last)
		require.Equal(t, whole[:i+1], page.Rows)
	}
}

func TestKeys(t *testing.T) {
	for _, k := range []keys{pairKeys, holdingKeys, attemptKeys, submissionKeys, certificateKeys, badgeKeys} {
		highest, lowest := int64(1)<<k.high-1, int64(1)<<k.low-1
		last, ok := k.of(highest, lowest)
		require.True(t, ok)
		require.Positive(t, last)
		first, ok := k.of(1, 1)
		require.True(t, ok)
		require.Greater(t, first, k.base)
		before, _ := k.of(4, lowest)
		at, ok := k.span(5)
		require.True(t, ok)
		require.Equal(t, before, at.First)
		after, _ := k.of(5, lowest)
		require.Equal(t, after, at.Last)
		for _, wrong := range [][2]int64{{0, 1}, {1, 0}, {-1, 1}, {highest + 1, 1}, {1, lowest + 1}} {
			_, ok := k.of(wrong[0], wrong[1])
			require.False(t, ok)
		}
	}
	highest, _ := certificateKeys.of(1<<certificateKeys.high-1, 1<<certificateKeys.low-1)
	require.Less(t, highest, badgeKeys.base)
}

package certification_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/certification"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

var year = &certification.Validity{Duration: 1, Unit: models.ValidityYears}

func text(s string) *string { return &s }

func refs(courses ...string) []ref.Ref {
	var out []ref.Ref
	for _, c := range courses {
		out = append(out, ref.ByIdentifier(c))
	}
	return out
}

func TestACertificateFromCreationToChange(t *testing.T) {
	o := newOffice(t)
	second, first := o.course(o.account, "FIRE-2"), o.course(o.account, "FIRE-1")
	made, err := o.Create(o.admin, certification.Input{
		Name: " Fire safety ", Courses: []ref.Ref{ref.ByID(first), ref.ByIdentifier("FIRE-2")}, Validity: &certification.Validity{Duration: 2, Unit: "month"},
	})
	require.NoError(t, err)
	require.Equal(t, "Fire safety", made.Name)
	require.Equal(t, get[string](o, `SELECT CAST(id AS text) FROM certificates WHERE name = 'Fire safety'`, nil), made.Identifier)
	require.Equal(t, models.CertificateActive, made.Status)
	require.Equal(t, &certification.Validity{Duration: 2, Unit: models.ValidityMonths}, made.Validity())
	require.False(t, made.AsksConfirmation)
	require.Equal(t, []int64{first, second}, []int64(made.CourseIDs))
	require.Equal(t, []string{"FIRE-1", "FIRE-2"}, []string(made.CourseIdentifiers))
	require.Equal(t, []string{"Course FIRE-1", "Course FIRE-2"}, []string(made.CourseNames))
	for _, r := range []ref.Ref{ref.ByID(made.ID), ref.ByIdentifier(made.Identifier)} {
		read, err := o.Definition(o.system, r)
		require.NoError(t, err)
		require.Equal(t, made, read)
	}

	yes, archived, name, key := true, models.CertificateArchived, "Fire", "CERT-FIRE"
	courses := []ref.Ref{ref.ByID(second)}
	changed, err := o.Change(o.admin, ref.ByID(made.ID), certification.Change{
		Identifier: &key, Name: &name, Courses: &courses, Validity: input.Cleared[certification.Validity](), AsksConfirmation: &yes, Status: &archived,
	})
	require.NoError(t, err)
	require.Equal(t, []string{"FIRE-2"}, []string(changed.CourseIdentifiers))
	require.Nil(t, changed.Validity())
	require.Equal(t, []any{"CERT-FIRE", "Fire", archived, true}, []any{changed.Identifier, changed.Name, changed.Status, changed.AsksConfirmation})
	_, err = o.Definition(o.admin, ref.ByIdentifier(made.Identifier))
	require.ErrorIs(t, err, certification.ErrCertificateUnknown)
	same, err := o.Change(o.admin, ref.ByIdentifier("CERT-FIRE"), certification.Change{})
	require.NoError(t, err)
	changed.UpdatedAt = same.UpdatedAt
	require.Equal(t, changed, same)
	back, err := o.Change(o.admin, ref.ByIdentifier("CERT-FIRE"), certification.Change{Validity: input.To(*year)})
	require.NoError(t, err)
	require.Equal(t, year, back.Validity())

	for action, n := range map[string]int64{"certificate.created": 1, "certificate.changed": 3} {
		require.Equal(t, n, get[int64](o, `SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id`, store.Args{"action": action, "id": made.ID}))
	}
}

// Who is a learner of its courses is concerned by a certificate from the moment
// on at which it is defined or changed.
func TestADefinitionConcernsThoseWhoLearnAlready(t *testing.T) {
	o := newOffice(t)
	o.course(o.account, "A")
	o.course(o.account, "B")
	ann := o.person("Ann")
	o.progress(ann, "A", 100)
	made := o.certificate("CERT", nil, "A", "B")
	require.Equal(t, models.CertificateInProgress, o.held("Ann", "CERT").State)
	only := refs("A")
	_, err := o.Change(o.admin, ref.ByID(made.ID), certification.Change{Courses: &only})
	require.NoError(t, err)
	h := o.held("Ann", "CERT")
	require.Equal(t, models.CertificateCertified, h.State)
	require.Nil(t, h.ExpiresAt)
	_, err = o.Change(o.admin, ref.ByID(made.ID), certification.Change{Validity: input.To(*year)})
	require.NoError(t, err)
	require.Equal(t, h.CertifiedAt.AddDate(1, 0, 0), *o.held("Ann", "CERT").ExpiresAt)
}

func TestRulesOfADefinition(t *testing.T) {
	o := newOffice(t)
	o.course(o.account, "A")
	o.course(o.other, "THEIRS")
	get[int64](o, `INSERT INTO courses (account_id, identifier, name, type, master) VALUES (@account, 'MASTER', 'Master', 'COURSE', true) RETURNING id`, store.Args{"account": o.account})
	create := func(change func(*certification.Input)) []string {
		in := certification.Input{Name: "Good", Courses: refs("A")}
		change(&in)
		_, err := o.Create(o.admin, in)
		return brokenRules(t, err)
	}
	for name, c := range map[string]struct {
		change func(*certification.Input)
		want   []string
	}{
		"nothing": {func(in *certification.Input) { *in = certification.Input{} }, []string{"name:required", "courses:required"}},
		"long": {func(in *certification.Input) {
			in.Name, in.Identifier = strings.Repeat("é", 256), text(strings.Repeat("é", 256))
		}, []string{"identifier:invalid", "name:too_long"}},
		"control":       {func(in *certification.Input) { in.Name, in.Identifier = "a\nb", text("\x00") }, []string{"identifier:invalid", "name:invalid"}},
		"empty":         {func(in *certification.Input) { in.Identifier = text("") }, []string{"identifier:invalid"}},
		"status":        {func(in *certification.Input) { in.Status = "GONE" }, []string{"status:enum"}},
		"unit":          {func(in *certification.Input) { in.Validity = &certification.Validity{Duration: 1, Unit: "WEEK"} }, []string{"validity.unit:enum"}},
		"no time":       {func(in *certification.Input) { in.Validity = &certification.Validity{Unit: "DAY"} }, []string{"validity.duration:range"}},
		"too long":      {func(in *certification.Input) { in.Validity = &certification.Validity{Duration: 101, Unit: "YEAR"} }, []string{"validity.duration:range"}},
		"many":          {func(in *certification.Input) { in.Courses = refs(numbers(101)...) }, []string{"courses:too_long"}},
		"unknown":       {func(in *certification.Input) { in.Courses = append(in.Courses, ref.ByID(1<<40), ref.Ref{}) }, []string{"courses[1]:unknown", "courses[2]:unknown"}},
		"master":        {func(in *certification.Input) { in.Courses = refs("MASTER") }, []string{"courses[0]:unknown"}},
		"of others":     {func(in *certification.Input) { in.Courses = refs("THEIRS", "a") }, []string{"courses[0]:unknown", "courses[1]:unknown"}},
		"twice":         {func(in *certification.Input) { in.Courses = refs("A", "A") }, []string{"courses[1]:repeated"}},
		"no identifier": {func(in *certification.Input) { in.Courses = []ref.Ref{ref.ByIdentifier("\xff")} }, []string{"courses[0]:unknown"}},
	} {
		require.ElementsMatch(t, c.want, create(c.change), name)
	}
	require.Zero(t, get[int64](o, `SELECT count(*) FROM certificates`, nil), "what was refused left nothing")

	made := o.certificate("CERT", year, "A")
	o.certificate("OTHER", nil, "A")
	empty, none, taken := "", []ref.Ref{}, "OTHER"
	_, err := o.Change(o.admin, ref.ByID(made.ID), certification.Change{Identifier: &empty, Name: &empty, Courses: &none})
	require.ElementsMatch(t, []string{"identifier:invalid", "name:required", "courses:required"}, brokenRules(t, err))
	none = refs("NOTHING")
	_, err = o.Change(o.admin, ref.ByID(made.ID), certification.Change{Courses: &none})
	require.Equal(t, []string{"courses[0]:unknown"}, brokenRules(t, err))
	_, err = o.Change(o.admin, ref.ByID(1<<40), certification.Change{Courses: &none})
	require.ErrorIs(t, err, certification.ErrCertificateUnknown, "this comes first")
	_, err = o.Change(o.admin, ref.ByID(made.ID), certification.Change{Identifier: &taken})
	require.ErrorIs(t, err, certification.ErrTaken)
	_, err = o.Create(o.admin, certification.Input{Identifier: text("CERT"), Name: "Again", Courses: refs("A")})
	require.ErrorIs(t, err, certification.ErrTaken)
	o.certificate("cert", nil, "A") // another one: identifiers are case-sensitive
	read, err := o.Definition(o.admin, ref.ByID(made.ID))
	require.NoError(t, err)
	require.Equal(t, made, read)
}

func TestOneOfManyWhoWantAnIdentifierGetsIt(t *testing.T) {
	o := newOffice(t)
	o.course(o.account, "A")
	done, refused := together(t, 50, certification.ErrTaken, func(int) error {
		_, err := o.Create(o.admin, certification.Input{Identifier: text("CERT"), Name: "One", Courses: refs("A")})
		return err
	})
	require.Equal(t, [2]int{1, 49}, [2]int{done, refused})

	// An id that somebody has as an identifier is passed over.
	next := get[int64](o, `SELECT nextval(pg_get_serial_sequence('certificates', 'id'))`, nil)
	for i := range 3 {
		o.certificate(get[string](o, `SELECT CAST(CAST(@id AS bigint) AS text)`, store.Args{"id": next + int64(4+i)}), nil, "A")
	}
	made, err := o.Create(o.admin, certification.Input{Name: "Unnamed", Courses: refs("A")})
	require.NoError(t, err)
	require.Equal(t, next+7, made.ID)
}

func TestCertificatesOfOthersDoNotExist(t *testing.T) {
	o := newOffice(t)
	made := o.certificate("CERT", nil, "A")
	name := "Mine"
	for _, r := range []ref.Ref{ref.ByID(made.ID), ref.ByIdentifier("CERT"), {}} {
		_, err := o.Definition(o.foreign, r)
		require.ErrorIs(t, err, certification.ErrCertificateUnknown)
		_, err = o.Change(o.foreign, r, certification.Change{Name: &name})
		require.ErrorIs(t, err, certification.ErrCertificateUnknown)
	}
	list, err := o.ListDefinitions(o.foreign, certification.DefinitionFilter{}, store.Window{})
	require.NoError(t, err)
	require.Empty(t, list)
	learner := o.as(o.person("Ann"))
	for _, err := range []error{
		second(o.Create(learner, certification.Input{})), second(o.Change(learner, ref.ByID(made.ID), certification.Change{})),
		second(o.Definition(learner, ref.ByID(made.ID))), second(o.ListDefinitions(learner, certification.DefinitionFilter{}, store.Window{})),
		third(o.CountDefinitions(learner, certification.DefinitionFilter{})), third(o.PageDefinitions(learner, certification.DefinitionFilter{}, 0, 0)),
	} {
		require.ErrorIs(t, err, models.ErrForbidden)
	}
	_, err = o.Definition(store.WithAccount(t.Context(), o.account), ref.ByID(made.ID))
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestListsOfCertificates(t *testing.T) {
	o := newOffice(t)
	all := numbers(7)
	for _, name := range all {
		o.certificate(name, nil, "A", "B"+name)
	}
	inactive := models.CertificateInactive
	_, err := o.Change(o.admin, ref.ByIdentifier("N003"), certification.Change{Status: &inactive})
	require.NoError(t, err)
	course := get[int64](o, `SELECT id FROM courses WHERE identifier = 'BN005'`, nil)

	list := func(f certification.DefinitionFilter, w store.Window) []string {
		rows, err := o.ListDefinitions(o.system, f, w)
		require.NoError(t, err)
		return identifiers(rows)
	}
	require.Equal(t, all, list(certification.DefinitionFilter{}, store.Window{}))
	require.Equal(t, []string{"N003"}, list(certification.DefinitionFilter{Status: inactive}, store.Window{}))
	require.Equal(t, []string{"N005"}, list(certification.DefinitionFilter{CourseID: course}, store.Window{}))
	require.Equal(t, []string{"N002"}, list(certification.DefinitionFilter{Search: "n002"}, store.Window{}))
	for _, literal := range []string{"N_02", "%", "\x00", "\xff"} {
		require.Empty(t, list(certification.DefinitionFilter{Search: literal}, store.Window{}))
	}

	count, last, err := o.CountDefinitions(o.system, certification.DefinitionFilter{})
	require.NoError(t, err)
	require.EqualValues(t, 7, count)
	o.certificate("LATER", nil, "A")
	var walked []string
	for w := (store.Window{Until: &last, Limit: 3}); ; {
		rows, err := o.ListDefinitions(o.system, certification.DefinitionFilter{}, w)
		require.NoError(t, err)
		walked = append(walked, identifiers(rows)...)
		if len(rows) < w.Limit {
			break
		}
		w.After = &store.Place{At: rows[2].CreatedAt, ID: rows[2].ID}
	}
	require.Equal(t, all, walked)
	count, last, err = o.CountDefinitions(o.foreign, certification.DefinitionFilter{})
	require.NoError(t, err)
	require.Zero(t, count)
	require.Zero(t, last)

	walked = nil
	for after := int64(0); ; {
		rows, next, err := o.PageDefinitions(o.admin, certification.DefinitionFilter{Search: "N"}, after, 2)
		require.NoError(t, err)
		walked = append(walked, identifiers(rows)...)
		if after = next; after == 0 {
			break
		}
	}
	require.Equal(t, all, walked)

	for name, do := range map[string]func(){
		"list": func() { list(certification.DefinitionFilter{}, store.Window{}) },
		"count": func() {
			_, _, err := o.CountDefinitions(o.admin, certification.DefinitionFilter{})
			require.NoError(t, err)
		},
		"one": func() {
			_, err := o.Definition(o.admin, ref.ByIdentifier("N001"))
			require.NoError(t, err)
		},
	} {
		require.EqualValues(t, 1, o.statements(do), name)
	}
}

// Those who define and those who learn do not wait for each other for ever.
func TestDefinitionsChangeWhilePeopleLearn(t *testing.T) {
	o := newOffice(t)
	made := o.certificate("CERT", nil, "A", "B")
	var people []int64
	for _, name := range numbers(10) {
		people = append(people, o.person(name))
	}
	learning := make(chan struct{})
	go func() {
		defer close(learning)
		for _, percent := range []int{10, 100} {
			for _, p := range people {
				o.progress(p, "A", percent)
				o.progress(p, "B", percent)
			}
		}
	}()
	lists := [][]ref.Ref{refs("A"), refs("B", "A"), refs("B")}
	for i := range 12 {
		names := []string{"CERT", "TREC"}
		_, err := o.Change(o.admin, ref.ByID(made.ID), certification.Change{Identifier: &names[i%2], Courses: &lists[i%3]})
		require.NoError(t, err)
	}
	<-learning
	final := "CERT"
	_, err := o.Change(o.admin, ref.ByID(made.ID), certification.Change{Identifier: &final, Courses: &lists[1]})
	require.NoError(t, err)
	for _, name := range numbers(10) {
		require.Equal(t, models.CertificateCertified, o.held(name, "CERT").State, name)
	}
}

func TestServiceNeedsADatabase(t *testing.T) {
	_, err := certification.New(certification.Deps{})
	require.Error(t, err)
}

// sorted states, for comparing what lists have.
func states(list []certification.Held) []models.CertificateState {
	var out []models.CertificateState
	for _, h := range list {
		out = append(out, h.State)
	}
	slices.Sort(out)
	return out
}

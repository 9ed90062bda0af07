package enabley_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
)

// hands is a clock that tests move.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// newClockedWorld is a world whose clock stands until it is moved.
func newClockedWorld(t *testing.T, start time.Time) (*world, *hands) {
	t.Helper()
	h := &hands{at: start}
	return buildWorld(t, hubtest.Options{App: api.ForHub, Clock: h.now}), h
}

// paging is a list that is served page by page, for proofs that all such lists
// need. Its rows are made by SQL, numbered, each later than those before.
type paging struct {
	path    string       // of the list
	filters url.Values   // which hold for all rows
	others  []url.Values // of which each differs from filters
	another string       // path of another list of this kind
	field   string       // of an item: the name of its row
	// insert adds the rows of the numbers from (inclusive) to (exclusive),
	// called by name.
	insert func(t *testing.T, from, to int, name func(number string) string)
	remove func(t *testing.T, names []string)
	// most statements that a page takes, beside the caller's token.
	statements int64
}

// pageName is the SQL for the name of a row, given that for its number.
func pageName(number string) string { return `'row-' || lpad(CAST(` + number + ` AS text), 4, '0')` }

func pageRow(number int) string { return fmt.Sprintf("row-%04d", number) }

// page is one page of a list, as far as proofs look at it.
type page struct {
	CurrentPage, PageSize, TotalPages int
	PaginationKey                     *string
	Items                             []object
	names                             []string
	body                              string
}

func (p paging) get(t *testing.T, c contracttest.Client, query url.Values) page {
	t.Helper()
	a := c.Do(t, http.StatusOK, "GET", p.path+"?"+query.Encode(), nil)
	out := page{body: string(a.Body), names: []string{}}
	a.JSON(t, &out)
	require.Equal(t, 200, out.PageSize)
	for _, item := range out.Items {
		name, ok := item[p.field].(string)
		require.True(t, ok, "%v", item)
		out.names = append(out.names, name)
	}
	return out
}

// with is the query of a page.
func with(key *string, filters url.Values) url.Values {
	query := url.Values{}
	for name, values := range filters {
		query[name] = values
	}
	if key != nil {
		query.Set("paginationKey", *key)
	}
	return query
}

func rowsBetween(from, to int) []string {
	out := []string{}
	for i := from; i < to; i++ {
		out = append(out, pageRow(i))
	}
	return out
}

// prove holds the list to what is said of all of them. It must have no rows
// that match the filters.
func (p paging) prove(t *testing.T, w *world, clock *hands) {
	t.Helper()
	first := p.get(t, w.api, p.filters)
	require.Equal(t, []int{1, 1}, []int{first.CurrentPage, first.TotalPages}, "an empty result is page 1 of 1")
	require.Nil(t, first.PaginationKey)
	require.Empty(t, first.names)

	p.insert(t, 0, 200, pageName)
	first = p.get(t, w.api, p.filters)
	require.Equal(t, []int{1, 1}, []int{first.CurrentPage, first.TotalPages})
	require.Nil(t, first.PaginationKey, "a full page can be the last one")
	require.Equal(t, rowsBetween(0, 200), first.names)

	p.insert(t, 200, 450, pageName)
	p.proveWalk(t, w)
	p.proveKeys(t, w, clock)
}

// proveWalk pages while rows come and go.
func (p paging) proveWalk(t *testing.T, w *world) {
	t.Helper()
	before := w.DB.Statements()
	first := p.get(t, w.api, with(new(string), p.filters)) // an empty key is as none
	require.LessOrEqual(t, w.DB.Statements()-before, p.statements+tokenStatements)
	require.Equal(t, []int{1, 3}, []int{first.CurrentPage, first.TotalPages})
	require.Equal(t, rowsBetween(0, 200), first.names)
	require.NotNil(t, first.PaginationKey)

	// New rows do not appear; those that go just drop out, also the last one of
	// a page and the last one of all.
	p.insert(t, 450, 700, pageName)
	p.remove(t, []string{pageRow(3), pageRow(199), pageRow(200), pageRow(305), pageRow(449)})
	second := p.get(t, w.api, with(first.PaginationKey, nil))
	require.Equal(t, []int{2, 3}, []int{second.CurrentPage, second.TotalPages})
	want := slices.DeleteFunc(rowsBetween(201, 402), func(name string) bool { return name == pageRow(305) })
	require.Equal(t, want, second.names, "nothing shifts and no row comes twice")
	before = w.DB.Statements()
	require.Equal(t, second.body, p.get(t, w.api, with(first.PaginationKey, nil)).body, "the same key gives the same page")
	require.LessOrEqual(t, w.DB.Statements()-before, p.statements-1+tokenStatements, "only the first page counts")
	require.Equal(t, second.body, p.get(t, w.api, with(first.PaginationKey, p.filters)).body, "filters may be sent again")

	third := p.get(t, w.api, with(second.PaginationKey, nil))
	require.Equal(t, []int{3, 3}, []int{third.CurrentPage, third.TotalPages})
	require.Equal(t, rowsBetween(402, 449), third.names)
	require.Nil(t, third.PaginationKey)

	// The last pages can run dry.
	p.remove(t, rowsBetween(402, 449))
	second = p.get(t, w.api, with(first.PaginationKey, nil))
	require.Equal(t, 2, second.CurrentPage)
	require.Nil(t, second.PaginationKey, "null before the last page")
	p.remove(t, rowsBetween(201, 402))
	second = p.get(t, w.api, with(first.PaginationKey, nil))
	require.Empty(t, second.names)
	require.Nil(t, second.PaginationKey)
}

// tokenStatements is what it takes at most to know the caller.
const tokenStatements = 1

// proveKeys tries keys that do not work.
func (p paging) proveKeys(t *testing.T, w *world, clock *hands) {
	t.Helper()
	key := *p.get(t, w.api, p.filters).PaginationKey
	for _, other := range p.others {
		fails(t, w.api.Do(t, http.StatusBadRequest, "GET", p.path+"?"+with(&key, other).Encode(), nil), "invalid_request")
	}
	refused := func(c contracttest.Client, path, key string) {
		t.Helper()
		fails(t, c.Do(t, http.StatusNotFound, "GET", path+"?"+with(&key, nil).Encode(), nil), "not_found")
	}
	for _, altered := range []string{"x", key + "A", key[:len(key)-4], key[4:], strings.ToUpper(key), flip(key, 3), flip(key, len(key)/2), flip(key, len(key)-6)} {
		refused(w.api, p.path, altered)
	}
	refused(w.api, p.another, key)
	refused(w.elsewhere(t, "elsewhere.test"), p.path, key)

	clock.move(24 * time.Hour)
	again := w.as(t, w.client)
	require.Equal(t, 2, p.get(t, again, with(&key, nil)).CurrentPage)
	clock.move(time.Second)
	refused(w.as(t, w.client), p.path, key)
}

// flip changes one character of a key to another one.
func flip(key string, at int) string {
	other := "A"
	if key[at] == 'A' {
		other = "B"
	}
	return key[:at] + other + key[at+1:]
}

// exec runs SQL in the test's account.
func (w *world) exec(t *testing.T, text string, args store.Args) {
	t.Helper()
	_, err := w.DB.Exec(w.Context(), text, args)
	require.NoError(t, err)
}

// Package wsserver gives tests the web services of a Moodle: a server that
// speaks its REST protocol over the database of moodletest.
package wsserver

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

// Token is the one that the server knows.
const Token = "7d1c4e0a9b8f4c5d9a6b3e2f1a0c8d7e"

// Fault is an error as Moodle tells it, with status 200.
type Fault struct{ Exception, Code, Message string }

func (f *Fault) Error() string { return f.Code }

func fault(code string) error {
	return &Fault{Exception: "moodle_exception", Code: code, Message: "Fehler: " + code}
}

// Before may answer a request instead of the server; then it gives true.
type Before func(w http.ResponseWriter, function string, params url.Values) bool

// Server is the web services of a Moodle. Its methods may be called while it is
// used.
type Server struct {
	// URL is the address of the site.
	URL string

	t    testing.TB
	db   *sql.DB
	http *httptest.Server

	lock    sync.Mutex
	now     time.Time
	before  Before
	removed map[string]bool
	without map[string][]string
	unseen  map[int64]bool
	calls   map[string]int
	open    int
	most    int
}

// New starts a server over the database of a site, at the time of its truth. It
// ends with the test.
func New(t testing.TB, site *moodletest.Site) *Server {
	t.Helper()
	s := &Server{t: t, db: open(t, site.Settings), now: site.Truth().Now, removed: map[string]bool{}, without: map[string][]string{}, calls: map[string]int{}}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL + "/lernen"
	t.Cleanup(func() {
		s.http.Close()
		require.NoError(t, s.db.Close())
	})
	return s
}

func open(t testing.TB, settings source.Settings) *sql.DB {
	t.Helper()
	address := net.JoinHostPort(settings["host"], settings["port"])
	if settings["engine"] == moodletest.MySQL {
		c := mysql.NewConfig()
		c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", address, settings["user"], settings["password"], settings["database"]
		connector, err := mysql.NewConnector(c)
		require.NoError(t, err)
		return sql.OpenDB(connector)
	}
	c, err := pgx.ParseConfig((&url.URL{Scheme: "postgres", User: url.UserPassword(settings["user"], settings["password"]), Host: address, Path: settings["database"]}).String())
	require.NoError(t, err)
	return stdlib.OpenDB(*c)
}

// Settings are those of a connection to the server.
func (s *Server) Settings() source.Settings {
	return source.Settings{"url": s.URL, "token": Token, "language": "de", "learner_roles": "student, kursteilnehmer"}
}

// SetNow sets the server's clock.
func (s *Server) SetNow(at time.Time) { s.set(func() { s.now = at }) }

// Before lets do answer requests; nil takes it back.
func (s *Server) Before(do Before) { s.set(func() { s.before = do }) }

// Remove takes functions out of the service.
func (s *Server) Remove(functions ...string) {
	s.set(func() {
		for _, f := range functions {
			s.removed[f] = true
		}
	})
}

// Without leaves keys out of the answers of a function; none takes it back.
func (s *Server) Without(function string, keys ...string) {
	s.set(func() { s.without[function] = keys })
}

// Unseen are people whom the token's user may not see in courses.
func (s *Server) Unseen(ids ...int64) {
	s.set(func() {
		s.unseen = map[int64]bool{}
		for _, id := range ids {
			s.unseen[id] = true
		}
	})
}

// Calls tells how often a function was called.
func (s *Server) Calls(function string) (n int) {
	s.set(func() { n = s.calls[function] })
	return n
}

// Most tells how many requests there were at once, at most.
func (s *Server) Most() (n int) {
	s.set(func() { n = s.most })
	return n
}

// Numbers reads a column of numbers from the site's database.
func (s *Server) Numbers(query string) map[int64]bool {
	s.t.Helper()
	rows, err := (&call{Server: s}).query("%s", query)
	require.NoError(s.t, err)
	out := map[int64]bool{}
	for _, r := range rows {
		for name := range r {
			out[r.int(name)] = true
		}
	}
	return out
}

func (s *Server) set(do func()) {
	s.lock.Lock()
	defer s.lock.Unlock()
	do()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.set(func() { s.open++; s.most = max(s.most, s.open); w.Header().Set("Date", s.now.Format(http.TimeFormat)) })
	defer s.set(func() { s.open-- })
	if r.URL.Path != "/lernen/webservice/rest/server.php" {
		http.NotFound(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form := r.PostForm
	function := form.Get("wsfunction")
	var before Before
	s.set(func() { before = s.before; s.calls[function]++ })
	if before != nil && before(w, function, form) {
		return
	}
	if form.Get("moodlewsrestformat") != "json" || form.Get("moodlewssettingraw") != "1" || r.URL.RawQuery != "" || r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8" ?><EXCEPTION/>`)
		return
	}
	answer, err := s.answer(function, form)
	if told, ok := err.(*Fault); ok { //nolint:errorlint // made right here
		answer = map[string]any{"exception": told.Exception, "errorcode": told.Code, "message": told.Message, "debuginfo": "in " + form.Get("wstoken")}
	} else if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var keys []string
	s.set(func() { keys = s.without[function] })
	raw, err := json.Marshal(strip(answer, keys))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(raw)
}

// strip takes keys out of whatever is below.
func strip(v any, keys []string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = strip(v[i], keys)
		}
	case map[string]any:
		for k := range v {
			if slices.Contains(keys, k) {
				delete(v, k)
			} else {
				v[k] = strip(v[k], keys)
			}
		}
	}
	return v
}

// common are the parameters of all functions.
var common = []string{"wstoken", "wsfunction", "moodlewsrestformat", "moodlewssettingraw"}

func (s *Server) answer(function string, form url.Values) (any, error) {
	if form.Get("wstoken") != Token {
		return nil, fault("invalidtoken")
	}
	var removed bool
	s.set(func() { removed = s.removed[function] })
	f, known := functions[function]
	switch {
	case removed:
		return nil, &Fault{Exception: "webservice_access_exception", Code: "accessexception", Message: "Zugriffskontrolle"}
	case !known:
		return nil, &Fault{Exception: "dml_missing_record_exception", Code: "invalidrecord", Message: "external_functions"}
	}
	for name, values := range form {
		if slices.Contains(common, name) {
			continue
		}
		if i := slices.IndexFunc(f.params, func(p param) bool { return p.name.MatchString(name) }); i < 0 || !f.params[i].value.MatchString(values[0]) {
			return nil, &Fault{Exception: "invalid_parameter_exception", Code: "invalidparameter", Message: "Invalid parameter value detected"}
		}
	}
	return f.do(&call{Server: s, form: form})
}

// param is a parameter that a function takes.
type param struct{ name, value *regexp.Regexp }

// takes describes parameters: "name:type", where [] is an index.
func takes(described ...string) (out []param) {
	types := map[string]string{"int": `^-?\d+$`, "bool": `^[01]$`, "text": ``}
	for _, d := range described {
		name, kind, _ := strings.Cut(d, ":")
		pattern := strings.ReplaceAll(regexp.QuoteMeta(name), `\[\]`, `\[\d+\]`)
		out = append(out, param{regexp.MustCompile("^" + pattern + "$"), regexp.MustCompile(types[kind])})
	}
	return out
}

// call is one call of a function.
type call struct {
	*Server
	form url.Values
}

func (c *call) int(name string) int64 {
	n, _ := strconv.ParseInt(c.form.Get(name), 10, 64)
	return n
}

// list are the values of name[0], name[1] and so on.
func (c *call) list(name string) (out []int64) {
	for i := 0; c.form.Has(fmt.Sprintf("%s[%d]", name, i)); i++ {
		out = append(out, c.int(fmt.Sprintf("%s[%d]", name, i)))
	}
	return out
}

// options are name/value pairs.
func (c *call) options() map[string]string {
	out := map[string]string{}
	for i := 0; c.form.Has(fmt.Sprintf("options[%d][name]", i)); i++ {
		out[c.form.Get(fmt.Sprintf("options[%d][name]", i))] = c.form.Get(fmt.Sprintf("options[%d][value]", i))
	}
	return out
}

// record is a row of the database.
type record map[string]sql.NullString

func (r record) int(name string) int64 { n, _ := strconv.ParseInt(r[name].String, 10, 64); return n }
func (r record) text(name string) any {
	if !r[name].Valid {
		return nil
	}
	return r[name].String
}

func (r record) float(name string) any {
	if !r[name].Valid {
		return nil
	}
	f, _ := strconv.ParseFloat(r[name].String, 64)
	return f
}

// pick are some columns of a row that are numbers.
func (r record) pick(names ...string) map[string]any {
	out := map[string]any{}
	for _, n := range names {
		out[n] = r.int(n)
	}
	return out
}

func (c *call) query(format string, args ...any) ([]record, error) {
	rows, err := c.db.QueryContext(context.Background(), fmt.Sprintf(format, args...)) //nolint:gosec // numbers and words of this package
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []record
	for rows.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		r := record{}
		for i, n := range names {
			r[n] = values[i]
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// one reads the first row; nil if there is none.
func (c *call) one(format string, args ...any) (record, error) {
	rows, err := c.query(format, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

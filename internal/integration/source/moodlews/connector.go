// Package moodlews reads a Moodle by its web services (REST), with a token:
// where nobody gives out an account of the database. Only functions that read
// are called, and what the token's service does not offer is left out.
//
// Web services show what their user may see, give no times of change and do not
// tell of deletions; so every run reads everything, and what is missing in a
// complete answer is gone. What could not be found out now, of a course or of a
// person, is told as kept: it is neither read nor gone.
package moodlews

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
	"quad/internal/outbound"
	"quad/models"
)

// Kind is the name of this kind of connections.
const Kind = "moodle-ws"

// defaultTimeout bounds a request where the caller names no time.
const defaultTimeout = time.Minute

// The fields, one by one because their defaults are asked for by name.
var (
	fieldURL      = source.Field{Name: "url", Text: "address of the site ($CFG->wwwroot in Moodle's config.php), https://moodle.example.org; http sends the token in clear", Required: true, Leads: true}
	fieldToken    = source.Field{Name: "token", Text: "token of a user who may call the service's functions", Secret: true, Required: true}
	fieldLearners = source.Field{
		Name: "learner_roles", Text: "short names of the roles of learners, separated by commas: student, participant", Default: "student",
	}
	fieldCA       = source.Field{Name: "ca", Text: "certificates (PEM) that are trusted for https; the system's if left empty", Leads: true}
	fieldLanguage = source.Field{
		Name: "language", Text: "which language names are taken in where they are given in several, de", Default: "en",
	}
)

var fields = []source.Field{fieldURL, fieldToken, fieldLearners, fieldCA, fieldLanguage}

type connector struct{}

// New gives the connector of this package.
func New() source.Connector { return connector{} }

func (connector) Kind() string { return Kind }

func (connector) Fields() []source.Field { return fields }

func (connector) Check(values source.Settings) error {
	_, err := parse(values)
	return err
}

// Host implements source.Addressed.
func (connector) Host(values source.Settings) (host, field string) {
	if u, err := outbound.CheckURL(strings.TrimSpace(values[fieldURL.Name])); err == nil {
		host = u.Hostname()
	}
	return host, fieldURL.Name
}

// settings are the checked values of the fields.
type settings struct {
	url      *url.URL // of the REST server
	token    string
	learners []string
	language string
	roots    *x509.CertPool // nil: the system's
}

// endpoint is where the REST server is below a site.
const endpoint = "/webservice/rest/server.php"

// Bounds of fields, in bytes.
const (
	maxURL   = 1_000
	maxToken = 200
	maxField = 64 << 10
)

// parse checks all fields and tells all mistakes at once.
func parse(values source.Settings) (settings, error) {
	s := settings{token: strings.TrimSpace(values[fieldToken.Name]), language: strings.ToLower(values.Or(fieldLanguage))}
	var wrong []models.FieldError
	fault := func(f source.Field, rule, text string) {
		wrong = append(wrong, models.FieldError{Field: f.Name, Rule: rule, Text: text})
	}
	address := strings.TrimSpace(values[fieldURL.Name])
	u, err := outbound.CheckURL(address)
	switch {
	case address == "":
		fault(fieldURL, "required", "url is needed")
	case err != nil || len(address) > maxURL || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		fault(fieldURL, "invalid", "url must be the address of the site, such as https://moodle.example.org, without a password and without parameters")
	default:
		s.url = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(strings.TrimRight(u.Path, "/"), endpoint) + endpoint}
	}
	switch {
	case s.token == "":
		fault(fieldToken, "required", "token is needed")
	case len(s.token) > maxToken || strings.ContainsFunc(s.token, func(c rune) bool { return c <= ' ' || c > '~' }):
		fault(fieldToken, "invalid", "token must be the letters and digits that Moodle shows")
	}
	for _, name := range strings.Split(values.Or(fieldLearners), ",") {
		if name = strings.TrimSpace(name); name != "" {
			s.learners = append(s.learners, name)
		}
	}
	if len(s.learners) == 0 || len(values[fieldLearners.Name]) > maxURL {
		fault(fieldLearners, "invalid", "learner_roles must be short names of roles, separated by commas")
	}
	if ca := values[fieldCA.Name]; strings.TrimSpace(ca) != "" {
		if s.roots = x509.NewCertPool(); len(ca) > maxField || !s.roots.AppendCertsFromPEM([]byte(ca)) {
			fault(fieldCA, "invalid", "ca holds no certificate in PEM form")
		}
	}
	if !moodle.GoodLanguage.MatchString(s.language) {
		fault(fieldLanguage, "invalid", "language must be a code such as de")
	}
	if wrong != nil {
		return settings{}, models.Invalid(wrong...)
	}
	return s, nil
}

// Open proves with one request that the token is let in.
func (connector) Open(ctx context.Context, values source.Settings, options source.Options) (source.Source, error) {
	s, err := parse(values)
	if err != nil {
		return nil, err
	}
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	src := &site{client: newClient(s, options), settings: s}
	if _, err := src.info(ctx); err != nil {
		return nil, err
	}
	return src, nil
}

// site is a Moodle with a token.
type site struct {
	client   *client
	settings settings
}

// Close ends the connections that are kept open between requests.
func (s *site) Close() error {
	s.client.http.CloseIdleConnections()
	return nil
}

// info is what a site tells of itself and of the token.
type info struct {
	release, user string
	at            time.Time // by the site's clock, or by ours where it has none
	functions     map[string]bool
}

// info asks the site what it is.
func (s *site) info(ctx context.Context) (info, error) {
	out := info{at: time.Now().UTC()}
	err := s.client.call(ctx, fnSiteInfo, nil, func(a *answer) error {
		out.functions = map[string]bool{}
		if at, err := http.ParseTime(a.date); err == nil {
			out.at = at.UTC()
		}
		return a.object(members{
			"release": func() error { return a.textInto(&out.release) }, "username": func() error { return a.textInto(&out.user) },
			"functions": func() error {
				return a.list(func() error {
					var f struct{ Name text }
					err := a.decode(&f)
					out.functions[string(f.Name)] = true
					return err
				})
			},
		})
	})
	if err != nil {
		return out, s.client.whole(fnSiteInfo, err)
	}
	if len(out.functions) == 0 {
		return out, source.Incomplete(`key "functions" in the answer of ` + fnSiteInfo)
	}
	return out, nil
}

// Describe tells which Moodle this is and what the token may call.
func (s *site) Describe(ctx context.Context) (source.Description, error) {
	i, err := s.info(ctx)
	if err != nil {
		return source.Description{}, err
	}
	absent, err := absentOf(i.functions)
	if err != nil {
		return source.Description{}, err
	}
	d := source.Description{Product: "Moodle", Server: "web services, as the user " + i.user, Absent: absent}
	if i.release != "" {
		d.Product += " " + i.release
	}
	for _, t := range source.Tables {
		if absent[t.Name] == "" {
			d.Tables = append(d.Tables, t.Name)
		}
	}
	return d, nil
}

// learner tells whether a role is one of learners.
func (s settings) learner(role string) bool { return slices.Contains(s.learners, role) }

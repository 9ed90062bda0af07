package moodledb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
	"quad/models"
)

// Words of the field engine.
const (
	engineMySQL    = "mysql"
	enginePostgres = "postgres"
)

// Words of the field tls.
const (
	tlsOff        = "off"
	tlsPreferred  = "preferred"
	tlsRequired   = "required"
	tlsVerifyCA   = "verify-ca"
	tlsVerifyFull = "verify-full"
)

// The fields, one by one because their defaults are asked for by name.
var (
	fieldEngine = source.Field{
		Name: "engine", Text: "what the database is: mysql (also for MariaDB) or postgres", Required: true,
		Words: []string{engineMySQL, enginePostgres},
	}
	fieldHost     = source.Field{Name: "host", Text: "name or address of the database server, db.example.org", Required: true, Leads: true}
	fieldPort     = source.Field{Name: "port", Text: "its port; 3306 for mysql and 5432 for postgres if left empty", Leads: true}
	fieldDatabase = source.Field{Name: "database", Text: "name of the database ($CFG->dbname in Moodle's config.php)", Required: true}
	fieldSchema   = source.Field{Name: "schema", Text: "schema of the tables, postgres only ($CFG->dboptions['dbschema'])", Default: "public"}
	fieldUser     = source.Field{Name: "user", Text: "account that may read the tables, and nothing else", Required: true}
	fieldPassword = source.Field{Name: "password", Text: "its password", Secret: true}
	fieldPrefix   = source.Field{
		Name: "prefix", Text: "what the names of the tables begin with ($CFG->prefix); - if it is empty", Default: "mdl_",
	}
	fieldTLS = source.Field{
		Name: "tls", Text: "encryption: preferred (if the server offers it), required, verify-ca or verify-full (the certificate is checked, and its name)",
		Default: tlsPreferred, Words: []string{tlsOff, tlsPreferred, tlsRequired, tlsVerifyCA, tlsVerifyFull}, Leads: true,
	}
	fieldCA       = source.Field{Name: "ca", Text: "certificates (PEM) that verify-ca and verify-full trust; the system's if left empty", Leads: true}
	fieldLanguage = source.Field{
		Name: "language", Text: "which language names are taken in where they are given in several, de", Default: "en",
	}
)

var fields = []source.Field{
	fieldEngine, fieldHost, fieldPort, fieldDatabase, fieldSchema, fieldUser, fieldPassword, fieldPrefix, fieldTLS, fieldCA, fieldLanguage,
}

// noPrefix is how the field says that there is none: left empty it means its
// default.
const noPrefix = "-"

var (
	goodHost   = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,253}$`)
	goodPrefix = regexp.MustCompile(`^[A-Za-z0-9_]{0,20}$`)
)

// settings are the checked values of the fields.
type settings struct {
	engine, host, port, database, schema, user, password, prefix, language string
	// plaintext: encryption may be left out; tls nil: it is.
	plaintext bool
	tls       *tls.Config
}

// address is host:port.
func (s settings) address() string { return net.JoinHostPort(s.host, s.port) }

// parse checks all fields and tells all mistakes at once.
func parse(values source.Settings) (settings, error) {
	s := settings{
		engine: values[fieldEngine.Name], host: strings.TrimSpace(values[fieldHost.Name]), port: values[fieldPort.Name],
		database: values[fieldDatabase.Name], schema: values.Or(fieldSchema), user: values[fieldUser.Name],
		password: values[fieldPassword.Name], prefix: values.Or(fieldPrefix), language: strings.ToLower(values.Or(fieldLanguage)),
	}
	if s.prefix == noPrefix {
		s.prefix = ""
	}
	var wrong []models.FieldError
	fault := func(f source.Field, rule, text string) {
		wrong = append(wrong, models.FieldError{Field: f.Name, Rule: rule, Text: text})
	}
	for _, f := range fields {
		switch v := values[f.Name]; {
		case f.Required && strings.TrimSpace(v) == "":
			fault(f, "required", f.Name+" is needed")
		case strings.ContainsRune(v, 0) || len(v) > maxField:
			fault(f, "too_long", f.Name+" is too long or has characters that can't be")
		}
	}
	switch s.engine {
	case engineMySQL, enginePostgres, "":
	default:
		fault(fieldEngine, "enum", "engine must be mysql or postgres")
	}
	if s.host != "" && (!goodHost.MatchString(s.host) || strings.Contains(s.host, ":") && net.ParseIP(s.host) == nil) {
		fault(fieldHost, "invalid", "host must be a name or an address, without a port")
	}
	switch n, err := strconv.ParseUint(s.port, 10, 16); {
	case s.port == "" && s.engine == enginePostgres:
		s.port = "5432"
	case s.port == "":
		s.port = "3306"
	case err != nil || n == 0:
		fault(fieldPort, "invalid", "port must be a number from 1 to 65535")
	}
	if !goodPrefix.MatchString(s.prefix) {
		fault(fieldPrefix, "invalid", "prefix may have up to 20 letters, digits and underscores")
	}
	if !moodle.GoodLanguage.MatchString(s.language) {
		fault(fieldLanguage, "invalid", "language must be a code such as de")
	}
	if err := s.secure(values.Or(fieldTLS), values[fieldCA.Name]); err != nil {
		f := fieldTLS
		if errors.Is(err, errCA) {
			f = fieldCA
		}
		fault(f, "invalid", err.Error())
	}
	if wrong != nil {
		return settings{}, models.Invalid(wrong...)
	}
	return s, nil
}

// maxField bounds a field's value in bytes; certificates are the longest.
const maxField = 64 << 10

var errCA = errors.New("ca holds no certificate in PEM form")

// secure makes the TLS settings of a mode.
func (s *settings) secure(mode, ca string) error {
	var roots *x509.CertPool
	if strings.TrimSpace(ca) != "" {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM([]byte(ca)) {
			return errCA
		}
	}
	s.tls = &tls.Config{ServerName: s.host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	switch mode {
	case tlsOff:
		s.tls = nil
	case tlsPreferred:
		s.plaintext, s.tls.InsecureSkipVerify = true, true
	case tlsRequired:
		s.tls.InsecureSkipVerify = true // encrypted, whoever it is: what this word means
	case tlsVerifyCA:
		s.tls.InsecureSkipVerify = true // what follows checks all but the name
		s.tls.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errors.New("the server shows no certificate")
			}
			between := x509.NewCertPool()
			for _, c := range state.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
			return err
		}
	case tlsVerifyFull:
	default:
		return errors.New("tls must be off, preferred, required, verify-ca or verify-full")
	}
	return nil
}

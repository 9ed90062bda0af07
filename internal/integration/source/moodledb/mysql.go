package moodledb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"quad/internal/integration/source"
)

// mysqlEngine is MySQL 5.7 or newer and MariaDB 10.4 or newer.
type mysqlEngine struct{}

func (mysqlEngine) open(s settings, options source.Options) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", s.address(), s.user, s.password, s.database
	c.TLS, c.AllowFallbackToPlaintext = s.tls, s.plaintext
	c.Logger = &mysql.NopLogger{} // all it says comes back as an error too
	c.Timeout = options.Timeout
	c.DialFunc = options.Dial
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (mysqlEngine) version() string { return "SELECT VERSION()" }

func (mysqlEngine) now() string { return "SELECT UNIX_TIMESTAMP()" }

func (mysqlEngine) begin(timeout time.Duration, version string) []string {
	limit := fmt.Sprintf("SET SESSION max_execution_time = %d", max(timeout.Milliseconds(), 1))
	if isMariaDB(version) {
		limit = fmt.Sprintf("SET SESSION max_statement_time = %.3f", timeout.Seconds())
	}
	return []string{
		limit,
		// Between two pages the hub may have to wait for its own database.
		"SET SESSION wait_timeout = 3600",
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	}
}

func isMariaDB(version string) bool { return strings.Contains(version, "MariaDB") }

func (mysqlEngine) server(ctx context.Context, c *session) (string, error) {
	number, _, _ := strings.Cut(c.version, "-")
	if isMariaDB(c.version) {
		return "MariaDB " + number, nil
	}
	return "MySQL " + number, nil
}

func (mysqlEngine) table(s settings, name string) string { return "`" + s.prefix + name + "`" }

func (mysqlEngine) columns(_ settings, tables []string) string {
	return "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (" + quoted(tables) + ")"
}

// sameName: some servers keep all names of tables in lower case.
func (mysqlEngine) sameName(asked, found string) bool { return strings.EqualFold(asked, found) }

func (mysqlEngine) number(e string) string { return e }

// text: tables of one site may differ in character set and collation, which
// can't be mixed.
func (mysqlEngine) text(e string) string { return "CONVERT(" + e + " USING utf8mb4)" }

func (mysqlEngine) sum(columns []column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "COALESCE(" + c.name + ", '-')"
		if c.text {
			parts[i] = "COALESCE(CONCAT(LENGTH(" + c.name + "), ':', CAST(" + c.name + " AS BINARY)), '-')"
		}
	}
	return "CAST(COALESCE(BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS('|', " + strings.Join(parts, ", ") + ")), 16), 16, 10) AS UNSIGNED)), 0) AS CHAR)"
}

// fault sorts the numbers of MySQL's and MariaDB's errors.
func (mysqlEngine) fault(err error) (fault, bool) {
	var e *mysql.MySQLError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, mysql.ErrInvalidConn):
		return faultEnded, true
	case errors.Is(err, mysql.ErrNoTLS):
		return faultTLS, true
	case errors.Is(err, mysql.ErrNativePassword), errors.Is(err, mysql.ErrCleartextPassword),
		errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		return faultRefused, true
	default:
		return faultOther, false
	}
	switch e.Number {
	case 1045, 1129, 1130, 1251, 1275, 1396, 1524, 1698, 1820, 1862, 3118, 3159, 4151:
		return faultRefused, true
	case 1044, 1049:
		return faultDatabase, true
	case 1054, 1109, 1142, 1143, 1146, 1356, 1370:
		return faultMissing, true
	case 1040, 1041, 1135, 1203, 1226:
		return faultBusy, true
	case 1969, 3024:
		return faultSlow, true
	case 1053, 1077, 1079, 1080, 1094, 1152, 1184, 1317, 1412, 1927, 2006, 2013, 3169, 4031:
		return faultEnded, true
	}
	return faultOther, true
}

package moodledb

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/testenv"
)

// securePostgres is a server that offers TLS, with who issued its certificate.
func securePostgres(t *testing.T) (settings source.Settings, authority string) {
	t.Helper()
	address := testenv.PrivatePostgres(t).URL()
	authority, certificate, key, err := testenv.NewCertificate("127.0.0.1")
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	run := func(statement string) {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	var folder string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&folder))
	info, err := os.Stat(folder)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	for name, content := range map[string]string{"server.crt": certificate, "server.key": key} {
		name = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		require.NoError(t, os.Chown(name, int(owner.Uid), int(owner.Gid)), "it must own its key")
	}
	run("ALTER SYSTEM SET ssl = on")
	run("SELECT pg_reload_conf()")
	require.NoError(t, conn.Close(t.Context()))
	u, err := url.Parse(address)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(u.Host)
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.Eventually(t, func() bool {
		u.RawQuery = "sslmode=require"
		conn, err := pgx.Connect(t.Context(), u.String())
		return err == nil && conn.Close(t.Context()) == nil
	}, 30*time.Second, 20*time.Millisecond)
	return source.Settings{
		"engine": "postgres", "host": host, "port": port, "database": strings.TrimPrefix(u.Path, "/"), "user": u.User.Username(), "password": password,
	}, authority
}

// Each word of the field tls does what it says, against servers that offer
// encryption.
func TestEncryption(t *testing.T) {
	t.Parallel()
	other, _, _, err := testenv.NewCertificate("127.0.0.1")
	require.NoError(t, err)
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			var settings source.Settings
			var authority string
			if engine == moodletest.MySQL {
				c := testenv.MariaDB(t)
				host, port, err := net.SplitHostPort(c.Addr)
				require.NoError(t, err)
				settings = source.Settings{"engine": engine, "host": host, "port": port, "database": c.DBName, "user": c.User, "password": c.Passwd}
			} else {
				settings, authority = securePostgres(t)
			}
			// cipher is how the connection is encrypted, "" for not at all.
			cipher := func(settings source.Settings, question string) (cipher string, err error) {
				s, err := New().Open(t.Context(), settings, options())
				if err != nil {
					return "", err
				}
				defer func() { require.NoError(t, s.Close()) }()
				return cipher, s.(*site).once(t.Context(), func(c *session) error {
					cipher, err = c.text(t.Context(), question)
					return err
				})
			}
			question := "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
			if engine == moodletest.MySQL {
				question = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"
				file, err := cipher(settings, "SELECT @@ssl_ca")
				require.NoError(t, err)
				content, err := os.ReadFile(file)
				require.NoError(t, err)
				authority = string(content)
			}
			for _, c := range []struct {
				mode, host, ca string
				encrypted, ok  bool
			}{
				{"off", "127.0.0.1", "", false, true},
				{"", "127.0.0.1", "", true, true}, // preferred
				{"required", "localhost", "", true, true},
				{"verify-ca", "localhost", authority, true, true},
				{"verify-ca", "127.0.0.1", other, false, false},
				{"verify-ca", "127.0.0.1", "", false, false},
				{"verify-full", "127.0.0.1", authority, true, true},
				{"verify-full", "localhost", authority, false, false}, // not its name
				{"verify-full", "127.0.0.1", other, false, false},
			} {
				got, err := cipher(with(settings, "tls", c.mode, "host", c.host, "ca", c.ca), question)
				if !c.ok {
					require.ErrorIs(t, err, source.ErrTLS, "%+v", c)
					continue
				}
				require.NoError(t, err, "%+v", c)
				require.Equal(t, c.encrypted, got != "", "%+v", c)
			}
		})
	}
}

package blob

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

// openS3 opens a store on a server that speaks S3 in this process.
func openS3(t *testing.T) *Store {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("quad"))
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s, err := Open(t.Context(), Options{
		URL: "s3://quad?region=eu-central-1&use_path_style=true&endpoint=" + url.QueryEscape(server.URL),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestS3(t *testing.T) {
	s := openS3(t)
	require.False(t, s.Local())
	conformance(t, s)
}

func TestS3Links(t *testing.T) {
	s := openS3(t)
	up, err := s.SignedUploadURL(t.Context(), "users/7-x.csv", "", 0)
	require.NoError(t, err)
	u, err := url.Parse(up)
	require.NoError(t, err)
	require.Equal(t, "900", u.Query().Get("X-Amz-Expires"))
	require.NotEmpty(t, u.Query().Get("X-Amz-Signature"))
	req, err := http.NewRequestWithContext(t.Context(), "PUT", up, strings.NewReader("name,email"))
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)

	down, err := s.SignedDownloadURL(t.Context(), "users/7-x.csv", 0, "Liste ä.csv")
	require.NoError(t, err)
	u, err = url.Parse(down)
	require.NoError(t, err)
	require.Equal(t, `attachment; filename="Liste _.csv"; filename*=UTF-8''Liste%20%C3%A4.csv`, u.Query().Get("response-content-disposition"))
	res, err = http.Get(down)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "name,email", string(b))
	_, err = s.Verify("GET", "users/7-x.csv", u.Query())
	require.ErrorIs(t, err, ErrLink, "the hub serves no links of S3")
}

package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/outbound"
)

func TestGuardKnowsInternalAddresses(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1",
		"100.64.0.1", "192.0.0.192", "198.18.0.1", "240.0.0.1", "255.255.255.255", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
		"64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "::127.0.0.1", "2001:db8::1", "fec0::1", "192.0.2.1", "203.0.113.9",
	} {
		require.False(t, outbound.Guard{}.Allows(netip.MustParseAddr(address)), address)
		require.True(t, outbound.Guard{AllowInternal: true}.Allows(netip.MustParseAddr(address)), address)
	}
	for _, address := range []string{
		"0.0.0.0", "::", "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
	} {
		require.False(t, outbound.Guard{}.Allows(netip.MustParseAddr(address)), address)
		require.False(t, outbound.Guard{AllowInternal: true}.Allows(netip.MustParseAddr(address)), "%s tells a cloud's machine its credentials, or is no address of one machine", address)
	}
	for _, address := range []string{"1.1.1.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"} {
		require.True(t, outbound.Guard{}.Allows(netip.MustParseAddr(address)), address)
	}
}

func TestClientRefusesInternalAddresses(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	get := func(g outbound.Guard, url string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		return g.Client(5 * time.Second).Do(request)
	}
	answer, err := get(outbound.Guard{}, server.URL)
	if err == nil {
		_ = answer.Body.Close()
	}
	require.ErrorIs(t, err, outbound.ErrInternal)
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	answer, err = get(outbound.Guard{}, "http://localhost:"+netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()[len("0.0.0.0:"):])
	if err == nil {
		_ = answer.Body.Close()
	}
	require.ErrorIs(t, err, outbound.ErrInternal, "names are judged by what they resolve to")
	require.Zero(t, asked)
	answer, err = get(outbound.Guard{AllowInternal: true}, server.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusFound, answer.StatusCode, "redirects are not followed")
	require.Equal(t, 1, asked)
}

func TestCheckURL(t *testing.T) {
	_, err := outbound.CheckURL("https://api.example/v1")
	require.NoError(t, err)
	for _, bad := range []string{"", "/v1", "ftp://a.example", "https://user:secret@a.example", "http://%zz"} {
		_, err := outbound.CheckURL(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "secret")
	}
}

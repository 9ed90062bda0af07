package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultsAreValid(t *testing.T) {
	c, err := FromMap(map[string]string{})
	require.NoError(t, err)
	require.EqualValues(t, 86_400, c.Auth.AccessTTL.Seconds())
	require.EqualValues(t, 183*86_400, c.Auth.RefreshTTL.Seconds())
}

func TestAllMistakesAreShownAtOnce(t *testing.T) {
	_, err := FromMap(map[string]string{
		"PUBLIC_URL": "nowhere", "API_BODY_LIMIT": "0", "LOG_LEVEL": "loud", "QUAD_KEYS": "short", "API_REQUEST_TIMEOUT": "soon",
	})
	require.Error(t, err)
	for _, part := range []string{"PUBLIC_URL", "API_BODY_LIMIT", "LOG_LEVEL", "QUAD_KEYS", "RequestTimeout"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "short", "a secret must not be repeated")
}

func TestRequireNamesEveryMissingService(t *testing.T) {
	c, err := FromMap(map[string]string{"REDIS_URL": "redis://127.0.0.1"})
	require.NoError(t, err)
	err = c.Require(NeedDatabase, NeedRedis, NeedTemporal)
	require.ErrorContains(t, err, "DATABASE_URL")
	require.ErrorContains(t, err, "TEMPORAL_ADDRESS")
	require.NotContains(t, err.Error(), "REDIS_URL")
}

func TestEverySettingIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Settings() {
		require.NotEmpty(t, s.Name, "a field of %s has no env tag", s.Group)
		require.NotEmpty(t, s.Desc, "%s has no description", s.Name)
		require.False(t, seen[s.Name], "%s is used twice", s.Name)
		seen[s.Name] = true
	}
}

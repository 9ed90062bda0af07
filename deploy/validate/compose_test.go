package validate

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

const composeFile = "docker-compose.yml"

// required are the variables without which nothing may start.
var required = []string{
	"POSTGRES_PASSWORD", "QUAD_DB_PASSWORD", "TEMPORAL_DB_PASSWORD", "REDIS_PASSWORD", "QUAD_KEYS", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM",
}

func filledIn() map[string]string {
	vars := map[string]string{}
	for _, name := range required {
		vars[name] = "value-of-" + strings.ToLower(name)
	}
	return vars
}

func loadCompose(t *testing.T, vars map[string]string, profiles ...string) (*types.Project, error) {
	t.Helper()
	dir, err := filepath.Abs(root)
	require.NoError(t, err)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, composeFile), Content: read(t, composeFile)}},
		Environment: types.Mapping(vars),
	}, func(o *loader.Options) { o.Profiles = profiles })
}

func compose(t *testing.T) *types.Project {
	t.Helper()
	project, err := loadCompose(t, filledIn(), "inbox")
	require.NoError(t, err)
	return project
}

func TestComposeHasAllParts(t *testing.T) {
	project := compose(t)
	require.ElementsMatch(t, []string{
		"proxy", "api", "worker", "migrate", "inbox", "postgres", "redis", "temporal", "temporal-ui",
	}, project.ServiceNames())
	without, err := loadCompose(t, filledIn())
	require.NoError(t, err)
	require.NotContains(t, without.ServiceNames(), "inbox", "a real installation runs no inbox")
}

func TestComposeRefusesToStartWithoutSecrets(t *testing.T) {
	for _, name := range required {
		vars := filledIn()
		delete(vars, name)
		_, err := loadCompose(t, vars)
		require.ErrorContains(t, err, name)
		vars[name] = ""
		_, err = loadCompose(t, vars)
		require.ErrorContains(t, err, name, "an empty value is as good as none")
	}
}

func TestComposeExampleNamesEveryVariable(t *testing.T) {
	used := regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)`).FindAllStringSubmatch(string(read(t, composeFile)), -1)
	require.NotEmpty(t, used)
	example := envFile(t, "deploy/compose/env.example", true)
	for _, match := range used {
		require.Contains(t, example, match[1])
	}
	active := envFile(t, "deploy/compose/env.example", false)
	for _, name := range required {
		require.Contains(t, active, name, "asked for in the open part")
		require.Empty(t, active[name], "an example value would end up in production")
	}
}

// The hub's containers get only settings that exist.
func TestComposeSettingsExist(t *testing.T) {
	known, commands := settings(t), roles(t)
	for name, service := range compose(t).Services {
		if service.Build == nil {
			continue
		}
		for variable := range service.Environment {
			require.Contains(t, known, variable, name)
		}
		require.NotEmpty(t, service.Command, name)
		require.True(t, commands[service.Command[0]], "%s runs the unknown command %s", name, service.Command[0])
		require.Equal(t, "deploy/Dockerfile", service.Build.Dockerfile)
	}
}

func TestComposeServicesAreKeptAliveAndWatched(t *testing.T) {
	project := compose(t)
	published := map[string]bool{}
	for name, service := range project.Services {
		require.NotEmpty(t, service.Restart, name)
		require.NotNil(t, service.Logging, "%s: unbounded logs fill the disk", name)
		if name != "migrate" && name != "temporal-ui" { // one ends, the other's image has no client
			require.NotNil(t, service.HealthCheck, name)
			require.NotEmpty(t, service.HealthCheck.Test, name)
		}
		if service.Build == nil {
			require.Regexp(t, `:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$`, service.Image, "%s: not pinned", name)
		} else {
			require.True(t, service.ReadOnly, name)
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		}
		for dependency, how := range service.DependsOn {
			require.Contains(t, project.Services, dependency, name)
			if how.Condition == types.ServiceConditionHealthy {
				require.NotNil(t, project.Services[dependency].HealthCheck, "%s waits for the health of %s", name, dependency)
			}
		}
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s: opened to the world by default", name)
			require.False(t, published[port.Published], "port %s is published twice", port.Published)
			published[port.Published] = true
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				require.FileExists(t, volume.Source, name)
			} else {
				require.Contains(t, project.Volumes, volume.Source, name)
			}
		}
	}
	require.NotContains(t, project.Services["api"].DependsOn, "temporal", "the API starts without it")
	require.NotContains(t, project.Services["api"].DependsOn, "redis", "the API starts without it")
	require.Empty(t, project.Services["api"].Ports, "several of them could not share a port")
}

func TestComposeStopsLaterThanItDrains(t *testing.T) {
	services := compose(t).Services
	for name, variable := range map[string]string{"api": "API_DRAIN_TIMEOUT", "worker": "WORKER_DRAIN_TIMEOUT"} {
		drain := services[name].Environment[variable]
		require.NotNil(t, drain)
		require.NotNil(t, services[name].StopGracePeriod)
		require.GreaterOrEqual(t, time.Duration(*services[name].StopGracePeriod), duration(t, *drain)+10*time.Second, name)
	}
}

func TestComposeRedisKeepsItsTasks(t *testing.T) {
	command := strings.Join(compose(t).Services["redis"].Command, " ")
	require.Contains(t, command, "appendonly yes")
	require.Contains(t, command, "maxmemory-policy noeviction")
	require.Contains(t, command, "requirepass $REDIS_PASSWORD", "expanded in the container, not in the process list")
}

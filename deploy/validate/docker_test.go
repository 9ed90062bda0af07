package validate

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(read(t, "deploy/Dockerfile")))
	require.NoError(t, err)
	require.Empty(t, result.Warnings)
	stages, _, err := instructions.Parse(result.AST, nil)
	require.NoError(t, err)
	return stages
}

func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	require.Len(t, stages, 2)
	require.True(t, strings.HasPrefix(stages[0].BaseName, "golang:1.26"), stages[0].BaseName)
	require.True(t, strings.HasPrefix(stages[1].BaseName, "gcr.io/distroless/static"), stages[1].BaseName)

	build := ""
	for _, command := range stages[0].Commands {
		if run, ok := command.(*instructions.RunCommand); ok {
			build += strings.Join(run.CmdLine, " ") + "\n"
		}
	}
	for _, flag := range []string{"CGO_ENABLED=0", "-trimpath", "-s -w -X main.version=", "./cmd/quad"} {
		require.Contains(t, build, flag)
	}
	// -X is silent about a variable that is not there.
	require.Regexp(t, regexp.MustCompile(`(?m)^var version = `), string(read(t, "cmd/quad/main.go")))

	known, commands := settings(t), roles(t)
	var user string
	var probed, started bool
	for _, command := range stages[1].Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				require.Contains(t, known, pair.Key)
			}
		case *instructions.HealthCheckCommand:
			probed = true
			require.Equal(t, []string{"CMD", "/usr/local/bin/quad", "health", "api"}, c.Health.Test)
			require.True(t, commands["health"])
		case *instructions.EntrypointCommand:
			started = true
			require.False(t, c.PrependShell, "there is no shell in the image")
			require.Equal(t, []string{"/usr/local/bin/quad"}, []string(c.CmdLine))
		case *instructions.CmdCommand:
			require.False(t, c.PrependShell, "there is no shell in the image")
			require.True(t, commands[c.CmdLine[0]])
		}
	}
	require.Equal(t, "65532:65532", user)
	require.True(t, probed && started)
}

// The build context must hold everything that the hub embeds, and no secrets.
func TestDockerignoreKeepsWhatTheBuildNeeds(t *testing.T) {
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(read(t, ".dockerignore")), ""))
	require.Contains(t, ignored, "**/.env*")
	require.Contains(t, ignored, ".quad")

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		`{{if .Module}}{{if .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`, "./cmd/quad")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	top, err := exec.CommandContext(t.Context(), "go", "-C", root, "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(t, err)
	files := strings.Fields(string(out))
	require.Greater(t, len(files), 20)
	for _, file := range files {
		relative := strings.TrimPrefix(file, strings.TrimSpace(string(top))+"/")
		for _, pattern := range ignored {
			require.False(t, ignores(pattern, relative), "%s is kept out of the image's build by %s", relative, pattern)
		}
	}
}

// ignores covers the forms of pattern that the file uses: a path, and **/ with
// one element.
func ignores(pattern, path string) bool {
	element, anywhere := strings.CutPrefix(pattern, "**/")
	if !anywhere {
		return path == pattern || strings.HasPrefix(path, pattern+"/")
	}
	match := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(element), `\*`, "[^/]*") + "$")
	for _, part := range strings.Split(path, "/") {
		if match.MatchString(part) {
			return true
		}
	}
	return false
}

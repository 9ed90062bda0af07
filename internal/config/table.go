package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Setting describes one environment variable of the hub.
type Setting struct {
	Group   string // the part of Config it belongs to
	Name    string // environment variable
	Default string
	Secret  bool // must never be logged or shown
	Desc    string
}

// Settings lists all environment variables in the order of the struct.
func Settings() []Setting {
	var out []Setting
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		part := root.Field(i)
		for j := range part.Type.NumField() {
			f := part.Type.Field(j)
			out = append(out, Setting{
				Group: part.Name, Name: f.Tag.Get("env"), Default: f.Tag.Get("envDefault"),
				Secret: f.Tag.Get("secret") == "true", Desc: f.Tag.Get("desc"),
			})
		}
	}
	return out
}

// Table renders Settings as the Markdown table of the README.
func Table() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Meaning |\n|---|---|---|\n")
	for _, s := range Settings() {
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, def, strings.ReplaceAll(s.Desc, "|", `\|`))
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

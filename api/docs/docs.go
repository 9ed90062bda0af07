// Package docs serves the contracts of all doors to people: an index, one page
// each, and the raw OpenAPI document. Everything is embedded and works offline.
package docs

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
)

//go:embed assets/redoc.standalone.js
var bundle []byte

// policy lets the pages run their own script and nothing of anyone else.
const policy = "default-src 'none'; script-src 'self' blob:; worker-src blob:; style-src 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var index = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quad: the APIs</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid #ddd }
code { color: #555 }
</style>
<h1>Quad</h1>
<p>One hub, one data model; these are its front doors.</p>
<table>
<tr><th>API</th><th>Paths</th><th>Operations served</th><th>Contract</th></tr>
{{range .}}<tr>
<td><a href="/docs/{{.Name}}">{{.Title}}</a></td>
<td>{{range .Prefixes}}<code>{{.}}</code> {{end}}</td>
<td>{{.Served}} of {{.Listed}}</td>
<td><a href="/docs/{{.Name}}/openapi.yaml">openapi.yaml</a></td>
</tr>{{end}}
</table>
</html>
`))

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>body { margin: 0 } img[src^="https:"] { display: none }</style>
<redoc spec-url="/docs/{{.Name}}/openapi.yaml" disable-search="false" hide-download-button="false"></redoc>
<script src="/docs/assets/redoc.js"></script>
</html>
`))

// entry is one door on the index.
type entry struct {
	Name, Title    string
	Prefixes       []string
	Served, Listed int
}

// Routes adds /docs to app for those doors that have a contract.
// Errors: a page that cannot be made.
func Routes(app *httpx.App, doors []httpx.Door) error {
	entries := make([]entry, 0, len(doors))
	for _, d := range doors {
		if len(d.Contract) == 0 {
			continue
		}
		e := entry{Name: d.Name, Title: d.Title, Prefixes: d.Prefixes}
		if e.Title == "" {
			e.Title = d.Name
		}
		for _, op := range d.Operations {
			if op.Extra {
				continue
			}
			e.Listed++
			if op.Handler != nil {
				e.Served++
			}
		}
		html, err := render(page, e)
		if err != nil {
			return err
		}
		contract := newAsset(d.Contract, "application/yaml; charset=utf-8", "no-cache")
		app.Get("/docs/"+e.Name, html.serve)
		app.Get("/docs/"+e.Name+"/openapi.yaml", contract.serve)
		entries = append(entries, e)
	}
	list, err := render(index, entries)
	if err != nil {
		return err
	}
	app.Get("/docs", list.serve)
	app.Get("/docs/", func(c *fiber.Ctx) error { return c.Redirect("/docs", fiber.StatusPermanentRedirect) })
	app.Get("/docs/assets/redoc.js", newAsset(bundle, "text/javascript; charset=utf-8", "public, max-age=86400").serve)
	return nil
}

func render(t *template.Template, data any) (*asset, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("docs: %w", err)
	}
	return newAsset(b.Bytes(), "text/html; charset=utf-8", "no-cache"), nil
}

// asset is a file in memory. It is compressed once, when it is first asked for:
// that takes long enough to be felt at the start of a server.
type asset struct {
	plain       []byte
	kind, cache string
	packed      func() []byte
	tag         func() string
}

func newAsset(body []byte, kind, cache string) *asset {
	a := &asset{plain: body, kind: kind, cache: cache}
	a.packed = sync.OnceValue(func() []byte {
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level gzip has: no error
		_, _ = w.Write(body)                                       // a bytes.Buffer takes everything
		_ = w.Close()
		return packed.Bytes()
	})
	a.tag = sync.OnceValue(func() string {
		h := fnv.New64a()
		_, _ = h.Write(body)
		return fmt.Sprintf(`"%x"`, h.Sum64())
	})
	return a
}

func (a *asset) serve(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderCacheControl, a.cache)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	c.Set(fiber.HeaderETag, a.tag())
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), a.tag()) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, a.kind)
	if c.Request().Header.HasAcceptEncoding("gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(a.packed())
	}
	return c.Send(a.plain)
}

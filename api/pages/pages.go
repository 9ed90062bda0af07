// Package pages serves what people open who have an address from the hub: the
// page that verifies a certificate, the certificate as a PDF file, and the pages
// of courses and of entries of the catalogue. There is no sign-in: the address
// is the permission, and nobody can guess one. The pages are HTML without
// scripts.
package pages

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/httpx"
	"quad/internal/learning"
	"quad/models"
)

// Name is the name of these pages in logs and metrics.
const Name = "pages"

// Deps is what the pages show.
type Deps struct {
	Certificates *certification.Service
	Learning     *learning.Service
}

// New makes the pages. They have no contract. Errors: what is missing in deps.
func New(d Deps) (httpx.Door, error) {
	if d.Certificates == nil || d.Learning == nil {
		return httpx.Door{}, errors.New("pages: Certificates and Learning are needed")
	}
	p := pages{d}
	get := func(id, path, class string, show fiber.Handler) httpx.Operation {
		return httpx.Operation{ID: id, Method: http.MethodGet, Path: path, Access: httpx.Public, Class: class, Handler: show}
	}
	return httpx.Door{
		Name: Name, Title: "Pages",
		Prefixes: []string{"/certificates", "/channels", "/catalog"},
		Operations: []httpx.Operation{
			// Codes are long, but whoever tries many at all is slowed down.
			get("showCertificate", "/certificates/{code}", "login", p.certificate),
			get("showChannel", "/channels/{publicId}", "", p.channel),
			get("showCatalogItem", "/catalog/{publicId}", "", p.catalogItem),
		},
		Authenticate: func(c *fiber.Ctx, _ httpx.Operation) error {
			c.SetUserContext(auth.WithDoor(c.UserContext(), Name))
			return nil
		},
		ErrorHandler: refuse,
	}, nil
}

type pages struct{ Deps }

//go:embed style.css
var style string

// policy lets a page have its own style and nothing else.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// paperPolicy is for a PDF file, which browsers show with styles of their own.
const paperPolicy = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"

//go:embed pages.html
var source string

var templates = template.Must(template.New("pages").Funcs(template.FuncMap{
	"day": day, "moment": moment, "between": between, "lasts": lasts,
	"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // it is ours
}).Parse(source))

// certificate shows what was issued under a code, as a page or, with .pdf behind
// the code, as it was issued.
func (p pages) certificate(c *fiber.Ctx) error {
	code := httpx.Param(c, "code")
	if code, ok := strings.CutSuffix(code, ".pdf"); ok {
		return p.paper(c, code)
	}
	proof, err := p.Certificates.Proof(c.UserContext(), code)
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, "certificate", certificate(proof, p.Certificates.PaperURL(proof.Code)))
}

func (p pages) paper(c *fiber.Ctx, code string) error {
	file, err := p.Certificates.Paper(c.UserContext(), code)
	if err != nil {
		return err
	}
	hide(c)
	c.Set(fiber.HeaderContentSecurityPolicy, paperPolicy)
	c.Set(fiber.HeaderContentType, "application/pdf")
	c.Set(fiber.HeaderContentDisposition, `inline; filename="certificate.pdf"`)
	return c.Send(file)
}

func (p pages) channel(c *fiber.Ctx) error {
	page, err := p.Learning.ChannelPage(c.UserContext(), httpx.Param(c, "publicId"))
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, "course", course(page, ""))
}

func (p pages) catalogItem(c *fiber.Ctx) error {
	page, err := p.Learning.CatalogPage(c.UserContext(), httpx.Param(c, "publicId"))
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, "course", course(page, page.Link))
}

// hide keeps an answer out of search engines; that it is not stored anywhere is
// the server's default.
func hide(c *fiber.Ctx) { c.Set("X-Robots-Tag", "noindex, nofollow") }

func show(c *fiber.Ctx, status int, name string, data any) error {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, data); err != nil {
		return fmt.Errorf("pages: %s: %w", name, err)
	}
	hide(c)
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Type("html", "utf-8")
	return c.Status(status).Send(out.Bytes())
}

// message is a page that says why there is no other one.
type message struct{ Title, Text string }

var messages = map[int]message{
	http.StatusNotFound: {"Nothing is here", "There is no certificate or course at this address. Check that it is complete: " +
		"the code of a certificate has 20 letters and digits. If it is, what it says was never issued here, or is gone."},
	http.StatusTooManyRequests:    {"Too many tries", "Many requests came from your network just now. Wait a minute and try again."},
	http.StatusServiceUnavailable: {"Not right now", "The service does not answer at the moment. Please try again soon."},
	http.StatusMethodNotAllowed:   {"Only to look at", "This address shows a page and takes nothing."},
	http.StatusBadRequest:         {"This did not work", "The request could not be understood."},
}

// refuse is the one place where an error becomes a page.
func refuse(c *fiber.Ctx, err error) error {
	httpx.SetRetryAfter(c, err)
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		slog.ErrorContext(c.UserContext(), "internal error", "error", err)
	}
	m, ok := messages[status]
	if !ok {
		m = message{"Something went wrong", "It is not your fault, and it has been noted. Please try again later."}
		if status < http.StatusInternalServerError {
			m = messages[http.StatusBadRequest]
		}
	}
	return show(c, status, "message", m)
}

func statusOf(err error) int {
	switch models.KindOf(err) {
	case models.KindNotFound:
		return http.StatusNotFound
	case models.KindUnavailable:
		return http.StatusServiceUnavailable
	case models.KindLimited:
		return http.StatusTooManyRequests
	case models.KindInvalid, models.KindConflict, models.KindUnauthenticated, models.KindForbidden:
		return http.StatusBadRequest
	}
	if e := httpx.ErrorOf(err); e != nil {
		return e.Status
	}
	return http.StatusInternalServerError
}

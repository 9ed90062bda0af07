package devstack

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// table tells people where everything is and what to sign in with.
func (h *hub) table(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nQuad is ready after %.1f s. Ctrl-C stops it.\n\n", took.Seconds())
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	row := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s\t%s\n", label, value)
		}
	}
	row("API", h.file.API)
	for _, link := range h.options.Links {
		base := h.file.API
		if link.Worker {
			base = h.worker
		}
		row(link.Label, base+link.Path)
	}
	row("Mail inbox", h.file.Inbox)
	row("Temporal UI", h.file.TemporalUI)
	row("Queue UI", h.queues)
	row("Temporal", h.file.Temporal)
	row("Data", h.dir)
	row("For scripts", h.dir+"/"+DemoFile)
	logins := h.logins()
	if len(logins) > 0 {
		fmt.Fprint(w, "\n  Demo login\tE-mail\tPassword\n")
		for _, login := range logins {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", login.who, login.Email, login.Password)
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	if notes := append(h.notes, h.taken.Moved()...); len(notes) > 0 {
		b.WriteString("\n")
		for _, note := range notes {
			fmt.Fprintf(&b, "  Note: %s\n", note)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// namedLogin is a demo login and whose it is.
type namedLogin struct {
	who string
	DemoLogin
}

func (h *hub) logins() []namedLogin {
	demo := h.file.Demo
	var logins []namedLogin
	if demo.Hub != nil {
		logins = append(logins, namedLogin{"hub administrator", *demo.Hub})
	}
	if e := demo.Elevate; e != nil {
		logins = append(logins, namedLogin{"Elevate administrator", e.Admin}, namedLogin{"Elevate org admin", e.OrgAdmin}, namedLogin{"Elevate user", e.User})
	}
	if m := demo.MIS; m != nil {
		logins = append(logins, namedLogin{"MIS super admin", m.SuperAdmin}, namedLogin{"MIS tenant admin", m.TenantAdmin})
	}
	return logins
}

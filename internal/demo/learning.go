package demo

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/clock"
	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/people/group"
	processes "quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// seededLearning is the item of shipped_items that marks an account that has
// got groups, courses and certificates.
const seededLearning = "demo:learning"

// school makes what people learn and have learnt. The areas that it calls have
// a calendar of its own, so that things can have happened long ago.
type school struct {
	seeder
	home         models.Organization
	today, at    time.Time
	certificates *certification.Service
	enrollments  *enrollment.Service
}

// learning fills the demo account with groups, courses and certificates, unless
// that was done before or it has some of its own. ctx is bound to it.
func (s seeder) learning(ctx context.Context, home models.Organization) error {
	n, err := s.hub.DB.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item) ON CONFLICT DO NOTHING`, store.Args{"item": seededLearning})
	if err != nil || n == 0 {
		return err
	}
	var inUse bool
	err = s.hub.DB.Query(ctx, &inUse, `SELECT EXISTS (SELECT FROM courses WHERE account_id = @account_id)
		OR EXISTS (SELECT FROM group_hierarchies WHERE account_id = @account_id) OR EXISTS (SELECT FROM certificates WHERE account_id = @account_id)`, nil)
	if err != nil || inUse {
		return err
	}
	w := &school{seeder: s, home: home, today: clock.System()}
	if err := w.open(); err != nil {
		return err
	}
	admin, err := w.as(ctx, AdminEmail, models.RoleAdmin)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{w.names, w.groups, w.courses, w.define, w.link, w.learn, w.require, w.manage} {
		if err := step(admin); err != nil {
			return fmt.Errorf("learning: %w", err)
		}
	}
	return nil
}

// open makes the areas that live by the calendar. They start no processes and
// send no mail: processes and mails here belong to nobody else.
func (w *school) open() (err error) {
	mails, err := notify.New(notify.Deps{DB: w.hub.DB})
	if err != nil {
		return err
	}
	if w.certificates, err = certification.New(certification.Deps{
		DB: w.hub.DB, Process: processes.NewService(processes.Deps{DB: w.hub.DB}), Notify: mails,
		Config: w.hub.Config.Certs, Clock: w.now, PublicURL: w.hub.Config.API.PublicURL,
	}); err != nil {
		return err
	}
	w.enrollments, err = enrollment.New(enrollment.Deps{
		DB: w.hub.DB, People: w.hub.People, Courses: w.hub.Learning, Groups: w.hub.Groups, Clock: w.now, Changed: w.certificates.Follow,
	})
	return err
}

func (w *school) now() time.Time { return w.at }

// ago turns the calendar to so many days before today.
func (w *school) ago(days int) { w.at = w.today.AddDate(0, 0, -days) }

// as is the context of somebody of the demo account.
func (w *school) as(ctx context.Context, email string, roles ...string) (context.Context, error) {
	var who models.User
	err := w.hub.DB.Query(ctx, &who, `SELECT * FROM users WHERE account_id = @account_id AND email = @email`, store.Args{"email": email})
	if err != nil {
		return nil, err
	}
	return auth.WithPrincipal(ctx, auth.Principal{
		AccountID: w.home.AccountID, UserID: who.ID, OrganizationID: who.OrganizationID, Door: "seed", Roles: roles,
	}), nil
}

// names gives everybody the key by which other systems know them, and some the
// right to teach or to manage.
func (w *school) names(ctx context.Context) error {
	for _, o := range organizations {
		for i, p := range o.people {
			email := o.email(i)
			if _, err := w.hub.People.UpsertExternal(ctx, people.ExternalChange{
				Identifier: p.local, Username: &email, PossibleRoles: possibleRoles[p.local],
			}); err != nil {
				return fmt.Errorf("%s: %w", p.local, err)
			}
		}
	}
	return nil
}

func (w *school) groups(ctx context.Context) error {
	if err := w.hub.Groups.SetHierarchy(ctx, hierarchy); err != nil {
		return err
	}
	for _, g := range groups {
		ch := group.Change{Name: &g.name, Type: &g.kind}
		if g.above != "" {
			ch.Parent = input.To(ref.ByIdentifier(g.above))
		}
		if g.subAccount != "" {
			ch.SubAccount = input.To(ref.ByIdentifier(g.subAccount))
		}
		if _, err := w.hub.Groups.Upsert(ctx, g.identifier, ch); err != nil {
			return fmt.Errorf("group %s: %w", g.identifier, err)
		}
	}
	for i, o := range organizations {
		for j, p := range o.people {
			in := classes[i][j%len(classes[i])]
			if err := w.hub.Groups.AddMember(ctx, ref.ByIdentifier(in), ref.ByIdentifier(p.local), false); err != nil {
				return fmt.Errorf("%s in %s: %w", p.local, in, err)
			}
		}
	}
	return nil
}

func (w *school) courses(ctx context.Context) error {
	starts, ends := w.today.AddDate(0, 0, -60).Truncate(24*time.Hour), w.today.AddDate(0, 6, 0).Truncate(24*time.Hour)
	for _, c := range courses {
		in := learning.CourseInput{Identifier: &c.identifier, Name: c.name, Type: c.kind, Master: c.master, Categories: c.categories}
		if c.minutes > 0 {
			duration := c.minutes * time.Minute.Milliseconds()
			in.DurationMS = &duration
		}
		if c.scheduled {
			in.Schedule = &learning.Schedule{StartsAt: &starts, EndsAt: &ends}
		}
		if _, err := w.hub.Learning.CreateCourse(ctx, in); err != nil {
			return fmt.Errorf("course %s: %w", c.identifier, err)
		}
		if !c.listed {
			continue
		}
		if _, _, err := w.hub.Learning.ShowInCatalog(ctx, ref.ByIdentifier(c.identifier)); err != nil {
			return fmt.Errorf("course %s: %w", c.identifier, err)
		}
	}
	if err := w.hub.Learning.CreateInstance(ctx, learning.InstanceInput{
		Identifier: "first-aid-riverside", Master: "first-aid", SubAccount: input.To("Riverside Teacher College"),
	}); err != nil {
		return err
	}
	for i, s := range sessions {
		begins := w.today.AddDate(0, 0, 14*(i+1)).Truncate(24 * time.Hour).Add(14 * time.Hour)
		s.StartsAt, s.EndsAt = begins, begins.Add(2*time.Hour)
		if _, err := w.hub.Learning.CreateSession(ctx, ref.ByIdentifier("child-protection"), s); err != nil {
			return fmt.Errorf("session %s: %w", s.Name, err)
		}
	}
	return nil
}

func (w *school) define(ctx context.Context) error {
	w.ago(500)
	for _, c := range certificates {
		in := certification.Input{Identifier: &c.identifier, Name: c.name, Validity: c.validity, AsksConfirmation: c.asks, Status: c.status}
		for _, course := range c.courses {
			in.Courses = append(in.Courses, ref.ByIdentifier(course))
		}
		if _, err := w.certificates.Create(ctx, in); err != nil {
			return fmt.Errorf("certificate %s: %w", c.identifier, err)
		}
	}
	return nil
}

func (w *school) link(ctx context.Context) error {
	w.ago(450)
	for _, l := range links {
		if err := w.enrollments.LinkGroup(ctx, ref.ByIdentifier(l.course), ref.ByIdentifier(l.group), true); err != nil {
			return fmt.Errorf("%s for %s: %w", l.course, l.group, err)
		}
	}
	return nil
}

// learn lets people do what they did, the oldest first for each of them.
func (w *school) learn(ctx context.Context) error {
	for _, e := range events {
		w.ago(e.daysAgo)
		if err := e.happen(ctx, w, e.who); err != nil {
			return fmt.Errorf("%s, %d days ago: %w", e.who, e.daysAgo, err)
		}
	}
	return nil
}

func (w *school) require(ctx context.Context) error {
	w.ago(0)
	for who, certificate := range required {
		if _, err := w.certificates.SetRequired(ctx, ref.ByIdentifier(who), ref.ByIdentifier(certificate), true); err != nil {
			return fmt.Errorf("%s of %s: %w", certificate, who, err)
		}
	}
	return nil
}

// manage lets a manager hear of what their people's certificates come to.
func (w *school) manage(ctx context.Context) error {
	return w.hub.Entitlements.Grant(ctx, entitlement.Change{
		User: ref.ByIdentifier("samuel.boateng"), EntityType: models.EntitlementCourse, Entity: ref.ByIdentifier("fire-safety"), Role: models.EntitlementManager,
	})
}

// reaches is that somebody gets as far as this in a course.
func reaches(course string, percent int) func(context.Context, *school, string) error {
	return func(ctx context.Context, w *school, who string) error {
		verdicts, err := w.enrollments.Report(ctx, []enrollment.ProgressReport{{
			User: ref.ByIdentifier(who), Course: ref.ByIdentifier(course), Progress: percent,
		}})
		if err == nil && verdicts[0].Verdict != enrollment.VerdictApplied {
			err = fmt.Errorf("%s: %s", course, verdicts[0].Verdict)
		}
		return err
	}
}

// held finds somebody's certificate.
func (w *school) held(ctx context.Context, who, certificate string) (int64, error) {
	all, err := w.certificates.ListOf(ctx, ref.ByIdentifier(who))
	if err != nil {
		return 0, err
	}
	for _, h := range all {
		if h.Identifier == certificate {
			return h.ID, nil
		}
	}
	return 0, certification.ErrLinkUnknown
}

// confirms is that a learner confirms.
func confirms(certificate, email string) func(context.Context, *school, string) error {
	return func(ctx context.Context, w *school, who string) error {
		id, err := w.held(ctx, who, certificate)
		if err != nil {
			return err
		}
		learner, err := w.as(ctx, email)
		if err != nil {
			return err
		}
		_, err = w.certificates.Confirm(learner, id)
		return err
	}
}

// loses is that somebody's certificate is taken back.
func loses(certificate, reason string) func(context.Context, *school, string) error {
	return func(ctx context.Context, w *school, who string) error {
		id, err := w.held(ctx, who, certificate)
		if err != nil {
			return err
		}
		_, err = w.certificates.Revoke(ctx, id, reason)
		return err
	}
}

package pages

import (
	"fmt"
	"strings"
	"time"

	"quad/internal/certification"
	"quad/internal/learning"
	"quad/models"
)

// All times on the pages are in UTC and say so.

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }

// between writes from when to when something goes on.
func between(s models.ClassSession) string {
	from, until := s.StartsAt.UTC(), s.EndsAt.UTC()
	same := day(from) == day(until)
	switch {
	case s.AllDay && same:
		return day(from)
	case s.AllDay:
		return day(from) + " to " + day(until)
	case from.Equal(until):
		return moment(from)
	case same:
		return from.Format("2 January 2006, 15:04") + " to " + until.Format("15:04") + " UTC"
	}
	return moment(from) + " to " + moment(until)
}

// lasts writes a duration of milliseconds in hours and minutes.
func lasts(ms int64) string {
	minutes := (ms + 59_999) / 60_000
	var parts []string
	for _, unit := range []struct {
		count int64
		name  string
	}{{minutes / 60, "hour"}, {minutes % 60, "minute"}} {
		switch {
		case unit.count == 1:
			parts = append(parts, "1 "+unit.name)
		case unit.count > 1:
			parts = append(parts, fmt.Sprint(unit.count, " ", unit.name, "s"))
		}
	}
	return strings.Join(parts, " ")
}

// certificatePage is what the page of a certificate says.
type certificatePage struct {
	certification.Proof
	Good    bool
	Verdict string // in a few words
	Detail  string // a sentence more
	Shown   string // the code
	Paper   string // address of the PDF file
}

func certificate(p certification.Proof, paper string) certificatePage {
	page := certificatePage{Proof: p, Shown: certification.FormatCode(p.Code), Paper: paper}
	on := ""
	if p.EndedAt != nil {
		on = " on " + day(*p.EndedAt)
	}
	expired := ""
	if p.ExpiresAt != nil {
		expired = " on " + day(*p.ExpiresAt)
	}
	switch p.Standing {
	case certification.StandingValid:
		page.Good, page.Verdict, page.Detail = true, "Valid", "This certificate was issued here and holds without end."
		if p.ExpiresAt != nil {
			page.Verdict = "Valid until " + day(*p.ExpiresAt)
			page.Detail = "This certificate was issued here. It ends at " + p.ExpiresAt.UTC().Format("15:04") + " UTC that day."
		}
	case certification.StandingExpired:
		page.Verdict, page.Detail = "Expired"+expired, "This certificate was issued here and has ended."
	case certification.StandingRestarted:
		page.Verdict, page.Detail = "Expired"+expired, "This certificate was issued here and has ended. Its holder has begun to earn it again."
	case certification.StandingRenewed:
		page.Verdict, page.Detail = "Replaced"+on, "This certificate was issued here. Its holder has got a newer one since, which has a code of its own."
	case certification.StandingRevoked:
		page.Verdict, page.Detail = "Revoked"+on, "This certificate was issued here and has been taken back. It must not be relied on."
	}
	return page
}

// coursePage is what the page of a course says.
type coursePage struct {
	learning.Page
	Kind  string
	State string
	Open  bool   // it can be taken now
	From  string // for entries of the catalogue: address of the course's page
}

func course(p learning.Page, from string) coursePage {
	page := coursePage{Page: p, Kind: "Course", From: from}
	if p.Type == models.CourseTypeStream {
		page.Kind = "Stream"
	}
	switch p.Availability {
	case models.AvailabilityActive:
		page.Open, page.State = true, "Open"
	case models.AvailabilityStarted:
		page.Open, page.State = true, "Open"
		if p.EndsAt != nil {
			page.State = "Open until " + moment(*p.EndsAt)
		}
	case models.AvailabilityScheduled:
		page.State = "Not open yet"
		if p.StartsAt != nil {
			page.State = "Opens on " + moment(*p.StartsAt)
		}
	case models.AvailabilityFinished:
		page.State = "Over"
		if p.EndsAt != nil {
			page.State = "Over since " + moment(*p.EndsAt)
		}
	case models.AvailabilityNonActive, models.AvailabilityDraft:
		page.State = "Not open at the moment"
	}
	return page
}

package demo

import (
	"context"

	"quad/internal/certification"
	"quad/internal/learning"
	"quad/models"
)

// hierarchy are the types of the demo account's groups, top first, in the words
// of an account in Brazil.
var hierarchy = []string{"CONTA", "REGIONAL", "UNIDADE", "EIXO", "CURSO", "TURMA", "SETOR", "CARGO"}

// groups are the tree, those above before those below.
var groups = []struct{ identifier, name, kind, above, subAccount string }{
	{"network", "Demo Learning Network", "CONTA", "", ""},
	{"head-office", "Head office", "UNIDADE", "network", ""},
	{"riverside", "Riverside campus", "UNIDADE", "network", "Riverside Teacher College"},
	{"riverside-primary", "Primary teaching", "CURSO", "riverside", "Riverside Teacher College"},
	{"riverside-primary-a", "Primary teaching, class A", "TURMA", "riverside-primary", "Riverside Teacher College"},
	{"riverside-primary-b", "Primary teaching, class B", "TURMA", "riverside-primary", "Riverside Teacher College"},
	{"northfield", "Northfield site", "UNIDADE", "network", "Northfield Skills Centre"},
	{"northfield-evening", "Evening courses", "CURSO", "northfield", "Northfield Skills Centre"},
	{"northfield-monday", "Monday class", "TURMA", "northfield-evening", "Northfield Skills Centre"},
	{"northfield-thursday", "Thursday class", "TURMA", "northfield-evening", "Northfield Skills Centre"},
}

// classes are the groups of each organization's people, in turn.
var classes = [][]string{
	{"head-office"},
	{"riverside-primary-a", "riverside-primary-b"},
	{"northfield-monday", "northfield-thursday"},
}

// possibleRoles are those of people who are more than learners.
var possibleRoles = map[string][]string{
	"priya.nair":     {models.PossibleRoleLearner, models.PossibleRoleInstructor},
	"samuel.boateng": {models.PossibleRoleLearner, models.PossibleRoleManager},
}

// courses are all but the one that is made from a master.
var courses = []struct {
	identifier, name  string
	kind              models.CourseType
	master            bool
	scheduled, listed bool
	minutes           int64
	categories        []string
}{
	{identifier: "first-aid", name: "First aid", kind: models.CourseTypeCourse, master: true, minutes: 480, categories: []string{"Safety"}},
	{identifier: "news", name: "News of the network", kind: models.CourseTypeStream},
	{identifier: "fire-safety", name: "Fire safety", kind: models.CourseTypeCourse, listed: true, minutes: 90, categories: []string{"Safety", "Mandatory"}},
	{identifier: "data-protection", name: "Data protection", kind: models.CourseTypeCourse, listed: true, minutes: 60, categories: []string{"Mandatory"}},
	{
		identifier: "child-protection", name: "Child protection", kind: models.CourseTypeCourse, scheduled: true, listed: true, minutes: 240,
		categories: []string{"Teaching", "Mandatory"},
	},
}

// sessions are those of child-protection, one every two weeks from now on.
var sessions = []learning.SessionInput{
	{Name: "Recognising signs", Location: text("Riverside campus, room 12"), Description: text("Please read the first unit before.")},
	{Name: "Whom to tell", Live: true},
	{Name: "Questions and cases", Live: true, Optional: true},
}

var certificates = []struct {
	identifier, name string
	courses          []string
	validity         *certification.Validity
	asks             bool
	status           models.CertificateStatus
}{
	{identifier: "cert-fire-safety", name: "Fire safety", courses: []string{"fire-safety"}, validity: &certification.Validity{Duration: 1, Unit: models.ValidityYears}},
	{
		identifier: "cert-safeguarding", name: "Safeguarding", courses: []string{"child-protection", "data-protection"},
		validity: &certification.Validity{Duration: 24, Unit: models.ValidityMonths}, asks: true,
	},
	{identifier: "cert-first-aid", name: "First aider", courses: []string{"first-aid-riverside"}, validity: &certification.Validity{Duration: 730, Unit: models.ValidityDays}},
	{identifier: "cert-welcome", name: "Welcome course of 2019", courses: []string{"data-protection"}, status: models.CertificateArchived},
}

// links are the groups whose people learn in a course, with all groups below.
var links = []struct{ course, group string }{
	{"news", "network"},
	{"fire-safety", "network"},
	{"data-protection", "riverside"},
	{"child-protection", "riverside"},
	{"first-aid-riverside", "riverside-primary-a"},
}

// events are what people did: certificates in every state, of which INIT is
// that of all others.
var events = []struct {
	who     string
	daysAgo int
	happen  func(ctx context.Context, w *school, who string) error
}{
	// Fire safety is good for a year.
	{"amara.diallo", 402, reaches("fire-safety", 100)}, // EXPIRED
	{"tomas.novak", 350, reaches("fire-safety", 100)},  // ABOUT_TO_EXPIRE
	{"chloe.martin", 340, reaches("fire-safety", 100)}, // ABOUT_TO_EXPIRE
	{"learner", 45, reaches("fire-safety", 30)},
	{"learner", 40, reaches("fire-safety", 100)}, // CERTIFIED
	{"leila.haddad", 120, reaches("fire-safety", 100)},
	{"joao.pereira", 9, reaches("fire-safety", 45)}, // IN_PROGRESS
	{"freya.nielsen", 200, reaches("fire-safety", 100)},
	{"freya.nielsen", 20, loses("cert-fire-safety", "The test was taken by somebody else.")}, // REVOKED
	{"arjun.mehta", 390, reaches("fire-safety", 100)},
	{"arjun.mehta", 12, reaches("fire-safety", 50)},
	{"arjun.mehta", 10, reaches("fire-safety", 100)}, // CERTIFIED for the second time
	{"kofi.asante", 80, reaches("fire-safety", 100)},
	{"mila.petrova", 3, reaches("fire-safety", 10)},

	// Safeguarding asks the learner to confirm.
	{"emil.hansen", 50, reaches("data-protection", 100)},
	{"emil.hansen", 4, reaches("child-protection", 100)}, // AWAITS_LEARNER_CONFIRMATION
	{"nadia.rahman", 50, reaches("data-protection", 100)},
	{"nadia.rahman", 30, reaches("child-protection", 100)},
	{"nadia.rahman", 29, confirms("cert-safeguarding", "nadia.rahman@riverside.test")}, // CERTIFIED
	{"lucas.weber", 21, reaches("data-protection", 100)},                               // IN_PROGRESS
	{"emil.hansen", 2, reaches("first-aid-riverside", 100)},                            // CERTIFIED
}

// required are certificates whose end is reminded of, one for each person.
var required = map[string]string{
	"amara.diallo": "cert-fire-safety", "tomas.novak": "cert-fire-safety", "learner": "cert-fire-safety",
	"emil.hansen": "cert-safeguarding", "lucas.weber": "cert-safeguarding",
}

func text(s string) *string { return &s }

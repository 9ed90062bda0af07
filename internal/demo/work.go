package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"quad/internal/clock"
	"quad/internal/projects"
	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

// seededWork is the item of shipped_items that marks an account that has got
// projects and surveys.
const seededWork = "demo:work"

// work fills the demo account with projects and a survey, unless that was done
// before or it has some of its own. ctx is bound to it.
func (s seeder) work(ctx context.Context, home models.Organization) error {
	n, err := s.hub.DB.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item) ON CONFLICT DO NOTHING`, store.Args{"item": seededWork})
	if err != nil || n == 0 {
		return err
	}
	var inUse bool
	err = s.hub.DB.Query(ctx, &inUse, `SELECT EXISTS (SELECT FROM projects WHERE account_id = @account_id)
		OR EXISTS (SELECT FROM surveys WHERE account_id = @account_id)`, nil)
	if err != nil || inUse {
		return err
	}
	w := &school{seeder: s, home: home, today: clock.System()}
	admin, err := w.as(ctx, AdminEmail, models.RoleAdmin)
	if err != nil {
		return err
	}
	for _, p := range demoProjects {
		if err := w.project(admin, p); err != nil {
			return fmt.Errorf("project %s: %w", p.name, err)
		}
	}
	return w.feedback(ctx)
}

// demoProject is a project of an organization by its code, "" for none. Days
// count from today.
type demoProject struct {
	organization, name, description string
	status                          models.WorkStatus
	begins, ends                    int
	budget                          models.Money
	expenses                        []demoExpense
	milestones                      []demoMilestone
	activities                      []demoActivity
}

type demoExpense struct {
	text, category string
	amount         models.Money
	day            int
}

type demoMilestone struct {
	name   string
	due    int
	status models.MilestoneStatus
}

type demoActivity struct {
	name         string
	begins, ends int
	status       models.WorkStatus
}

// units is a whole amount of money.
func units(n int64) models.Money { return models.Money(n * 10_000) }

// demoProjects are in the order in which they are made.
var demoProjects = []demoProject{
	{"riverside", "Reading in the first years", "Training of teachers in forty primary schools.", models.WorkActive, -120, 150, units(48_000),
		[]demoExpense{
			{"Course books", "materials", units(7_350), -110}, {"Travel of trainers", "travel", units(2_180), -75},
			{"Rooms for the spring workshops", "venue", units(4_900), -40}, {"Printing", "materials", models.Money(8_125_000), -12},
		},
		[]demoMilestone{
			{"Schools are chosen", -90, models.MilestoneCompleted}, {"First half of the workshops", -10, models.MilestoneCompleted},
			{"Visits to classrooms", 45, models.MilestoneInProgress}, {"Final report", 140, models.MilestonePending},
		},
		[]demoActivity{
			{"Workshop: reading aloud", -60, -58, models.WorkCompleted}, {"Workshop: first letters", -20, -18, models.WorkCompleted},
			{"Visits to classrooms", 5, 60, models.WorkPlanned},
		}},
	{"riverside", "Mentors for new teachers", "Each new teacher meets a mentor twice a month.", models.WorkOnHold, -200, 100, units(15_500),
		[]demoExpense{{"Training of mentors", "training", units(5_250), -160}, {"Travel of mentors", "travel", units(1_960), -90}},
		[]demoMilestone{{"Mentors are trained", -150, models.MilestoneCompleted}, {"First hundred meetings", 20, models.MilestoneInProgress}},
		[]demoActivity{{"Monthly meetings", -140, 90, models.WorkOnHold}}},
	{"northfield", "Digital skills at work", "Evening courses on spreadsheets and safe e-mail.", models.WorkActive, -45, 75, units(22_000),
		[]demoExpense{{"Laptops on loan", "equipment", units(9_900), -40}, {"Two teachers", "staff", units(6_400), -5}},
		[]demoMilestone{{"First course begins", -30, models.MilestoneCompleted}, {"Half of the evenings", 15, models.MilestonePending}},
		[]demoActivity{{"Spreadsheets, part 1", -30, 10, models.WorkActive}, {"Safe e-mail", 20, 50, models.WorkPlanned}}},
	{"", "Learning network conference", "Everybody meets for two days.", models.WorkPlanned, 90, 92, units(30_000),
		nil, []demoMilestone{{"Programme is published", 60, models.MilestonePending}}, nil},
}

func (w *school) day(n int) time.Time { return w.today.Truncate(24*time.Hour).AddDate(0, 0, n) }

func (w *school) project(ctx context.Context, p demoProject) error {
	area := w.hub.Projects
	in := projects.Input{
		Name: p.name, Description: p.description, Status: &p.status, StartsOn: w.day(p.begins), EndsOn: w.day(p.ends), Budget: p.budget,
	}
	if p.organization != "" {
		id, err := w.organization(ctx, p.organization)
		if err != nil {
			return err
		}
		in.OrganizationID = &id
	}
	made, err := area.Create(ctx, in)
	if err != nil {
		return err
	}
	for _, e := range p.expenses {
		if _, err := area.AddExpense(ctx, made.ID, projects.ExpenseInput{
			Description: e.text, Amount: e.amount, Category: e.category, SpentOn: w.day(e.day),
		}); err != nil {
			return err
		}
	}
	for _, m := range p.milestones {
		if _, err := area.CreateMilestone(ctx, made.ID, projects.MilestoneInput{Name: m.name, DueOn: w.day(m.due), Status: &m.status}); err != nil {
			return err
		}
	}
	for _, a := range p.activities {
		if _, err := area.CreateActivity(ctx, made.ID, projects.ActivityInput{
			Name: a.name, Status: &a.status, StartsOn: w.day(a.begins), EndsOn: w.day(a.ends),
		}); err != nil {
			return err
		}
	}
	return nil
}

func (w *school) organization(ctx context.Context, code string) (id int64, err error) {
	err = w.hub.DB.Query(ctx, &id, `SELECT id FROM organizations WHERE account_id = @account_id AND code = @code`, store.Args{"code": code})
	return id, err
}

// feedback makes a survey of an organization, with answers of its people.
func (w *school) feedback(ctx context.Context) error {
	area := w.hub.Surveys
	admin, err := w.as(ctx, AdminEmail, models.RoleAdmin)
	if err != nil {
		return err
	}
	tenant, err := w.organization(ctx, neighbours.code)
	if err != nil {
		return err
	}
	made, err := area.Create(admin, survey.NewSurvey{
		Name: "How was the workshop?", Description: "Four questions, two minutes.", OrganizationID: &tenant,
	})
	if err != nil {
		return err
	}
	var ids []string
	for _, f := range []models.SurveyField{
		{Name: "How useful was it?", Type: models.FieldRating, Required: true},
		{Name: "Where did you take part?", Type: models.FieldSelect, Required: true, Options: []string{"At school", "Online"}},
		{Name: "What will you try first?", Type: models.FieldTextarea},
		{Name: "May we ask you again?", Type: models.FieldCheckbox},
	} {
		options := append([]string{}, f.Options...)
		field, err := area.AddField(admin, made.ID, survey.FieldInput{Name: &f.Name, Type: &f.Type, Required: &f.Required, Options: &options})
		if err != nil {
			return err
		}
		ids = append(ids, strconv.FormatInt(field.ID, 10))
	}
	for i, a := range []struct {
		useful string
		where  string
		text   string
		again  bool
	}{
		{"5", "At school", "Reading aloud each morning", true}, {"4", "At school", "Letters in the sand", true}, {"5", "Online", "", false},
		{"3", "Online", "More time for questions, please", false}, {"4", "At school", "The picture cards", true},
	} {
		who, err := w.as(ctx, neighbours.email(len(neighbours.people)-1-i), models.RoleMentee)
		if err != nil {
			return err
		}
		answers := map[string]any{ids[0]: json.Number(a.useful), ids[1]: a.where, ids[3]: a.again}
		if a.text != "" {
			answers[ids[2]] = a.text
		}
		if _, err := area.Submit(who, made.ID, answers); err != nil {
			return err
		}
	}
	return nil
}

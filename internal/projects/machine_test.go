package projects_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/projects"
	"quad/internal/store"
	"quad/models"
)

// legal is the table of the contract, written once more.
var legal = map[string][]string{
	"planned": {"active", "cancelled"}, "active": {"on_hold", "completed", "cancelled"}, "on_hold": {"active", "cancelled"}, "completed": {"active"},
	"m:pending": {"m:in_progress", "m:completed", "m:cancelled"}, "m:in_progress": {"m:completed", "m:cancelled"},
	"m:completed": {"m:in_progress"}, "m:cancelled": {"m:pending"},
}

// machine is something with a status, as a test moves it.
type machine struct {
	name     string
	statuses []string
	start    func(status string) int64
	move     func(id int64, status string) (string, error) // gives the status of the answer
	read     func(id int64) (string, error)
	events   string // what each change leaves in the audit trail
}

func (w *world) machines() []machine {
	p := w.project(w.manager, "P")
	day := date("2024-02-01")
	return []machine{
		{
			"project", names(models.WorkStatuses, func(s models.WorkStatus) string { return string(s) }),
			func(status string) int64 {
				return w.project(w.manager, "M", func(in *projects.Input) { in.Status = to(models.WorkStatus(status)) }).ID
			},
			func(id int64, status string) (string, error) {
				p, err := w.Update(w.manager, id, projects.Change{Status: to(models.WorkStatus(status))})
				return string(p.Status), err
			},
			func(id int64) (string, error) { p, err := w.Get(w.manager, id); return string(p.Status), err },
			"project.updated",
		},
		{
			"activity", names(models.WorkStatuses, func(s models.WorkStatus) string { return string(s) }),
			func(status string) int64 {
				a, err := w.CreateActivity(w.manager, p.ID, projects.ActivityInput{Name: "A", StartsOn: day, EndsOn: day, Status: to(models.WorkStatus(status))})
				require.NoError(w.t, err)
				return a.ID
			},
			func(id int64, status string) (string, error) {
				a, err := w.UpdateActivity(w.manager, p.ID, id, projects.ActivityChange{Status: to(models.WorkStatus(status))})
				return string(a.Status), err
			},
			func(id int64) (string, error) {
				a, err := w.Activity(w.manager, p.ID, id)
				return string(a.Status), err
			},
			"activity.updated",
		},
		{
			"milestone", names(models.MilestoneStatuses, func(s models.MilestoneStatus) string { return "m:" + string(s) }),
			func(status string) int64 {
				m, err := w.CreateMilestone(w.manager, p.ID, projects.MilestoneInput{Name: "M", DueOn: day, Status: to(models.MilestoneStatus(status[2:]))})
				require.NoError(w.t, err)
				return m.ID
			},
			func(id int64, status string) (string, error) {
				m, err := w.UpdateMilestone(w.manager, p.ID, id, projects.MilestoneChange{Status: to(models.MilestoneStatus(status[2:]))})
				return "m:" + string(m.Status), err
			},
			func(id int64) (string, error) {
				m, err := w.Milestone(w.manager, p.ID, id)
				return "m:" + string(m.Status), err
			},
			"milestone.updated",
		},
	}
}

// TestStatusesFollowTheTable walks at random, from every status, and compares
// each answer and what is stored with the table.
func TestStatusesFollowTheTable(t *testing.T) {
	w := newWorld(t)
	rnd := rand.New(rand.NewPCG(7, 11))
	for _, m := range w.machines() {
		tried := map[[2]string]bool{}
		for _, from := range m.statuses {
			for _, to := range m.statuses { // each pair once, and then wherever it goes
				id, at, changes := m.start(from), from, 0
				next := to
				for range 4 {
					step := fmt.Sprintf("%s %d from %s to %s", m.name, id, at, next)
					tried[[2]string{at, next}] = true
					got, err := m.move(id, next)
					switch {
					case next == at:
						require.NoError(t, err, step)
						require.Equal(t, at, got, step)
					case slices.Contains(legal[at], next):
						require.NoError(t, err, step)
						require.Equal(t, next, got, step)
						at, changes = next, changes+1
					default:
						require.ErrorIs(t, err, projects.ErrTransition, step)
					}
					stored, err := m.read(id)
					require.NoError(t, err, step)
					require.Equal(t, at, stored, step)
					next = m.statuses[rnd.IntN(len(m.statuses))]
				}
				require.EqualValues(t, changes, w.events(m.events, id), "%s %d: an event for each change and for nothing else", m.name, id)
			}
		}
		require.Len(t, tried, len(m.statuses)*len(m.statuses), m.name)
	}
}

func TestARefusedTransitionSaysWhy(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P", func(in *projects.Input) { in.Status = to(models.WorkCancelled) })
	_, err := w.Update(w.manager, p.ID, projects.Change{Status: to(models.WorkActive), Name: to("Renamed")})
	require.ErrorIs(t, err, projects.ErrTransition)
	require.ErrorContains(t, err, "a project that is cancelled cannot become active")
	require.Equal(t, models.KindConflict, models.KindOf(err))
	stored, err := w.Get(w.manager, p.ID)
	require.NoError(t, err)
	require.Equal(t, "P", stored.Name, "all of it or nothing")
}

// TestManyTransitionsAtOnce: whatever 50 callers want at the same moment, the
// changes are a walk through the table, and every answer fits a place in it.
func TestManyTransitionsAtOnce(t *testing.T) {
	w := newWorld(t)
	for _, m := range w.machines() {
		for _, wanted := range [][]string{{m.statuses[2], m.statuses[3]}, m.statuses} { // two that exclude each other, and all
			start := m.statuses[1]
			id := m.start(start)
			answers := make([]string, 50)
			failures := make([]error, 50)
			contracttest.AtOnce(50, func(i int) int {
				answers[i], failures[i] = m.move(id, wanted[i%len(wanted)])
				return 0
			})
			var walked []string
			require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &walked,
				`SELECT data->>'status' FROM audit_events WHERE action = @action AND subject_id = @id ORDER BY id`, store.Args{"action": m.events, "id": id}))
			prefix := ""
			if m.name == "milestone" {
				prefix = "m:"
			}
			at, seen := start, map[string]bool{start: true}
			for _, next := range walked {
				next = prefix + next
				require.Contains(t, legal[at], next, "%s: %s became %s in %v", m.name, at, next, walked)
				at, seen[next] = next, true
			}
			stored, err := m.read(id)
			require.NoError(t, err)
			require.Equal(t, at, stored)
			moved := 0
			for i, err := range failures {
				want := wanted[i%len(wanted)]
				switch {
				case err == nil:
					require.Equal(t, want, answers[i])
					require.True(t, seen[want], "%s: %s was answered, %v happened", m.name, want, walked)
					moved++
				default:
					require.True(t, errors.Is(err, projects.ErrTransition), "%s: %v", m.name, err)
					require.True(t, slices.ContainsFunc(keys(seen), func(from string) bool { return from != want && !slices.Contains(legal[from], want) }),
						"%s: nothing in %v refuses %s", m.name, walked, want)
				}
			}
			require.GreaterOrEqual(t, moved, len(walked))
			require.NotEmpty(t, walked)
		}
	}
}

func keys[K comparable](m map[K]bool) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestManyDatesAtOnceNeverEndBeforeTheyStart(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P") // January to March 2024
	days := []projects.Change{{StartsOn: to(date("2024-03-01"))}, {EndsOn: to(date("2024-02-01"))}}
	counts := contracttest.AtOnce(50, func(i int) int {
		if _, err := w.Update(w.manager, p.ID, days[i%2]); err != nil {
			if models.KindOf(err) == models.KindInvalid {
				return 400
			}
			return 500
		}
		return 200
	})
	require.Equal(t, map[int]int{200: 25, 400: 25}, counts, "one of the two came first, and the other one is refused from then on")
}

func TestManyAssignmentsAtOnceMakeOne(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P")
	a := w.activity(p, "A", "2024-02-01")
	counts := contracttest.AtOnce(50, func(int) int {
		_, err := w.Assign(w.manager, p.ID, a.ID, w.userPerson.ID)
		switch {
		case err == nil:
			return 201
		case errors.Is(err, projects.ErrAssigned):
			return 409
		}
		return 500
	})
	require.Equal(t, map[int]int{201: 1, 409: 49}, counts)
	require.EqualValues(t, 1, w.events("activity.assigned", a.ID))
	require.EqualValues(t, 1, w.mails())
}

// TestWhatIsAddedWhileAllIsDeleted: nothing is left of a project, whatever was
// being added to it, and nobody waits for each other for ever.
func TestWhatIsAddedWhileAllIsDeleted(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		s := w.furnished("P", &w.north.ID)
		refused := make([]error, 30)
		writes := w.writes(s)
		contracttest.AtOnce(30, func(i int) int {
			if i == 15 {
				refused[i] = w.Delete(w.manager, s.project.ID)
				return 0
			}
			refused[i] = writes[i%(len(writes)-1)].do(w.manager)
			return 0
		})
		for i, err := range refused {
			if err != nil {
				require.Contains(t, []models.Kind{models.KindNotFound, models.KindConflict}, models.KindOf(err), "%d: %v", i, err)
			}
		}
		require.NoError(t, refused[15])
	}
	for _, table := range []string{"projects", "project_expenses", "milestones", "activities", "activity_assignments"} {
		require.Zero(t, w.count(`SELECT count(*) FROM `+table, nil), table)
	}
}

func TestWhoIsAssignedWhileTheyAreDeleted(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P")
	for i := range 3 {
		_, person := w.person(0, w.north.ID, fmt.Sprintf("short%d", i), models.RoleUser)
		activities := make([]models.Activity, 10)
		for j := range activities {
			activities[j] = w.activity(p, "A", "2024-02-01")
		}
		refused := make([]error, 11)
		contracttest.AtOnce(11, func(i int) int {
			if i == 10 {
				refused[i] = w.People.DeleteUser(w.root, person.ID)
				return 0
			}
			_, refused[i] = w.Assign(w.manager, p.ID, activities[i].ID, person.ID)
			return 0
		})
		require.NoError(t, refused[10])
		for _, err := range refused[:10] {
			if err != nil {
				require.Equal(t, models.KindNotFound, models.KindOf(err), err)
			}
		}
		require.Zero(t, w.count(`SELECT count(*) FROM activity_assignments WHERE user_id = @id`, store.Args{"id": person.ID}))
	}
}

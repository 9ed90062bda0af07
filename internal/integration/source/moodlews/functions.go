package moodlews

import (
	"slices"
	"strings"

	"quad/internal/integration/source"
)

// The functions that are called.
const (
	fnSiteInfo     = "core_webservice_get_site_info"
	fnUsers        = "core_user_get_users"
	fnCategories   = "core_course_get_categories"
	fnCourses      = "core_course_get_courses_by_field"
	fnContents     = "core_course_get_contents"
	fnEnrolled     = "core_enrol_get_enrolled_users"
	fnCompletion   = "core_completion_get_course_completion_status"
	fnActivities   = "core_completion_get_activities_completion_status"
	fnGrades       = "gradereport_user_get_grade_items"
	fnQuizzes      = "mod_quiz_get_quizzes_by_courses"
	fnAttempts     = "mod_quiz_get_user_attempts"
	fnAttempts50   = "mod_quiz_get_user_quiz_attempts" // its name from Moodle 5.0 on
	fnAssignments  = "mod_assign_get_assignments"
	fnSubmissions  = "mod_assign_get_submissions"
	fnMarks        = "mod_assign_get_grades"
	fnCohorts      = "core_cohort_get_cohorts"
	fnCohortPeople = "core_cohort_get_cohort_members"
	fnBadges       = "core_badges_get_user_badges"
	fnCertificates = "mod_customcert_list_issues"
)

// Parts of awards, as Description.Absent names them.
const (
	partBadges       = source.Awards + ".badge"
	partCertificates = source.Awards + ".customcert"
)

// required are the functions without which nothing can be read.
var required = []string{fnUsers, fnCourses, fnEnrolled}

// needs are the functions that a table, or a part of one, is read with.
// Alternatives are separated by a bar.
var needs = map[string][]string{
	source.Categories:      {fnCategories},
	source.Activities:      {fnContents},
	source.ActivityStates:  {fnContents, fnActivities},
	source.Completions:     {fnCompletion},
	source.Grades:          {fnGrades},
	source.Quizzes:         {fnQuizzes},
	source.QuizAttempts:    {fnQuizzes, fnAttempts + "|" + fnAttempts50},
	source.Assignments:     {fnAssignments},
	source.Submissions:     {fnAssignments, fnSubmissions},
	source.SubmissionMarks: {fnAssignments, fnMarks},
	source.Cohorts:         {fnCohorts},
	source.CohortMembers:   {fnCohorts, fnCohortPeople},
	partCertificates:       {fnContents, fnCertificates},
	partBadges:             {fnBadges},
}

// absentOf tells which tables can't be read with these functions. Errors:
// source.Incomplete, which names a function without which nothing can.
func absentOf(functions map[string]bool) (map[string]string, error) {
	for _, f := range required {
		if !functions[f] {
			return nil, source.Incomplete("function " + f + " in the service that the token is for")
		}
	}
	absent := map[string]string{
		source.Awards + ".certificate":      "web services do not tell of it",
		source.Awards + ".tool_certificate": "web services do not tell of it",
	}
	for table, all := range needs {
		for _, f := range all {
			either := strings.Split(f, "|")
			if !slices.ContainsFunc(either, func(f string) bool { return functions[f] }) {
				absent[table] = "the function " + strings.Join(either, " or ") + " is not in the service that the token is for"
				break
			}
		}
	}
	if absent[partBadges] != "" && absent[partCertificates] != "" {
		absent[source.Awards] = absent[partBadges]
	}
	return absent, nil
}

package mis

import (
	"quad/api/mis/wire"
	"quad/internal/learning/figures"
)

func trainingKPIs(t figures.Training) wire.TrainingKPIs {
	return wire.TrainingKPIs{
		TotalTrainees: t.Trainees, CompletionRate: t.CompletionRate, AverageScore: t.AverageScore,
		CoursesCompleted: t.Completions, CertificatesIssued: t.Certificates,
	}
}

func programKPIs(p figures.Program) wire.ProgramKPIs {
	return wire.ProgramKPIs{TrainingKPIs: trainingKPIs(p.Training), ActivePrograms: p.ActivePrograms}
}

func courseAnalytics(c figures.Course) wire.CourseAnalytics {
	return wire.CourseAnalytics{
		CourseID: wire.ID(c.ID), CourseName: c.Name, Enrollments: c.Enrollments, Completions: c.Completions,
		CompletionRate: c.CompletionRate, AverageScore: c.AverageScore,
	}
}

func coursePerformance(c figures.Course) wire.CoursePerformance {
	return wire.CoursePerformance{CourseAnalytics: courseAnalytics(c), AverageTimeSpent: c.AverageMinutes}
}

func monthlyTrend(m figures.Month) wire.MonthlyTrend {
	return wire.MonthlyTrend{Month: m.Month, Enrollments: m.Enrollments, Completions: m.Completions, AverageScore: m.AverageScore}
}

func performanceSummary(s figures.Summary) wire.PerformanceSummary {
	return wire.PerformanceSummary{
		TotalEnrollments: s.Enrollments, TotalCompletions: s.Completions, OverallCompletionRate: s.CompletionRate,
		AverageScore: s.AverageScore, TopPerformers: s.TopPerformers, NeedsSupport: s.NeedsSupport,
	}
}

func gradeDistribution(g figures.Grades) wire.GradeDistribution { return wire.GradeDistribution(g) }

func quizPerformance(q figures.Quiz) wire.QuizPerformance {
	return wire.QuizPerformance{
		QuizID: wire.ID(q.ID), QuizName: q.Name, Attempts: q.Attempts, AverageScore: q.AverageScore,
		PassRate: q.PassRate, AverageTimeSpent: q.AverageMinutes,
	}
}

func assignmentPerformance(a figures.Assignment) wire.AssignmentPerformance {
	return wire.AssignmentPerformance{
		AssignmentID: wire.ID(a.ID), AssignmentName: a.Name, Submissions: a.Submissions, AverageScore: a.AverageScore,
		SubmissionRate: a.SubmissionRate, AverageTimeSpent: a.AverageMinutes,
	}
}

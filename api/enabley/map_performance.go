package enabley

import (
	"math"

	"quad/api/enabley/wire"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/models"
)

// courseRoles are the words of this API.
var courseRoles = map[string]models.CourseRole{"LEARNER": models.CourseLearner, "INSTRUCTOR": models.CourseInstructor}

func performance(p enrollment.Performance) wire.ChannelPerformance {
	return wire.ChannelPerformance{
		ChannelName: p.CourseName, CompletionDate: wire.NullableTimestamp(p.FirstCompletedAt),
		ExternalChannelID: p.CourseIdentifier, ExternalUserID: p.UserIdentifier, Progress: p.Progress, Score: whole(p.Score),
	}
}

// whole rounds a score to what this API shows, half of one up.
func whole(score *float64) *int {
	if score == nil {
		return nil
	}
	rounded := int(math.Round(*score))
	return &rounded
}

// performanceOf is the filter of a list; what is empty was not sent.
func performanceOf(channel, user string) enrollment.PerformanceFilter {
	return enrollment.PerformanceFilter{Course: ref.ByIdentifier(channel), User: ref.ByIdentifier(user)}
}

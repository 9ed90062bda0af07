package learning

// InReach is, in SQL, what holds for the courses that calling systems see, as
// inReach does, for statements of other areas. alias names the table.
func InReach(alias string) string {
	return `(` + alias + `.organization_id IS NULL OR EXISTS (SELECT FROM organizations reach WHERE reach.id = ` + alias + `.organization_id AND reach.status = 'ACTIVE'))`
}

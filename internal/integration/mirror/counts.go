package mirror

// Deletions are the tables that would lose more rows than may go without a
// confirmation, where that is so many per cent of a table.
func Deletions(counts []Counts, percent int) (out []Deletion) {
	for _, c := range counts {
		if tooMany(c, int64(percent)) {
			out = append(out, Deletion{Table: c.Table, Mirrored: c.Unchanged + c.Updated + c.Deleted, Deleted: c.Deleted})
		}
	}
	return out
}

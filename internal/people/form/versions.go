package form

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
)

const (
	// maxVersions is how many forms of an organization clients are told the
	// versions of: those that changed last.
	maxVersions = 100
	// maxAccountVersions bounds what is kept in memory for an account.
	maxAccountVersions = 10_000
)

// Version tells which version a form has.
type Version struct {
	ID      int64
	Type    string
	Version int
}

// versions are those of an account, by the organization that sees them.
type versions struct {
	own      map[int64][]Version // of organizations with forms of their own
	fallback []Version           // of all others: those of the default organization
}

// Versions gives the versions of the forms that hold for the caller's
// organization (without a caller: for the default one), by id. It comes from
// memory. Callers must not change it.
func (s *Service) Versions(ctx context.Context) ([]Version, error) {
	v, err := s.versions.Get(ctx, s.load)
	if err != nil {
		return nil, fmt.Errorf("form: versions: %w", err)
	}
	if p, ok := auth.From(ctx); ok {
		if own, ok := v.own[p.OrganizationID]; ok {
			return own, nil
		}
	}
	return v.fallback, nil
}

const loadVersions = `SELECT f.organization_id, o.is_default, f.id, f.type, f.sub_type, f.version
	FROM forms f JOIN organizations o ON o.id = f.organization_id
	WHERE o.account_id = @account_id AND f.account_id = @account_id ORDER BY o.is_default DESC, f.updated_at DESC, f.id DESC LIMIT @limit`

func (s *Service) load(ctx context.Context) (versions, error) {
	var standard []keyed
	own := map[int64][]keyed{}
	err := s.db.QueryRows(ctx, loadVersions, store.Args{"limit": maxAccountVersions}, func(row pgx.CollectableRow) error {
		var organization int64
		var isDefault bool
		var k keyed
		if err := row.Scan(&organization, &isDefault, &k.ID, &k.formType, &k.subType, &k.version); err != nil {
			return err
		}
		if isDefault {
			standard = append(standard, k)
		} else {
			own[organization] = append(own[organization], k)
		}
		return nil
	})
	if err != nil {
		return versions{}, err
	}
	return merge(standard, own), nil
}

// keyed is a form with what tells whether it hides another one.
type keyed struct {
	ID                int64
	formType, subType string
	version           int
}

// merge puts the forms of the default organization behind those of the others,
// which hide what they have themselves. The lists come newest change first.
func merge(standard []keyed, own map[int64][]keyed) versions {
	out := versions{own: make(map[int64][]Version, len(own)), fallback: list(standard)}
	type key struct{ formType, subType string }
	for organization, mine := range own {
		hidden := make(map[key]bool, len(mine))
		for _, k := range mine {
			hidden[key{k.formType, k.subType}] = true
		}
		all := slices.Clone(mine)
		for _, k := range standard {
			if !hidden[key{k.formType, k.subType}] {
				all = append(all, k)
			}
		}
		out.own[organization] = list(all)
	}
	return out
}

// list gives the first of the forms, by id.
func list(forms []keyed) []Version {
	forms = forms[:min(len(forms), maxVersions)]
	out := make([]Version, len(forms))
	for i, k := range forms {
		out[i] = Version{ID: k.ID, Type: k.formType, Version: k.version}
	}
	slices.SortFunc(out, func(a, b Version) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

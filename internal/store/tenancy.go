package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// ErrNoAccount is what a statement on tenant-owned rows gives when its context
// names no account. It is a programming error and never reaches a client as
// anything but an internal error.
var ErrNoAccount = errors.New("store: no account in the context")

type accountKey struct{}

// system in place of an account id lifts the binding to one account.
const system int64 = -1

// WithAccount binds the context to an account: statements see and write rows
// of this account only.
func WithAccount(ctx context.Context, accountID int64) context.Context {
	return context.WithValue(ctx, accountKey{}, accountID)
}

// AsSystem lets the context's statements see all accounts. It is for what has
// no account by nature: resolving a login's account, sweepers, metrics.
func AsSystem(ctx context.Context) context.Context {
	return context.WithValue(ctx, accountKey{}, system)
}

// AccountID is the account that the context is bound to; false without one and
// for system contexts.
func AccountID(ctx context.Context) (int64, bool) {
	id, ok := ctx.Value(accountKey{}).(int64)
	return id, ok && id > 0
}

func isSystem(ctx context.Context) bool {
	id, _ := ctx.Value(accountKey{}).(int64)
	return id == system
}

// tenancy is the GORM plugin that binds statements to the context's account
// and fails closed: a statement on a table whose owner it can't tell is
// refused.
type tenancy struct{}

// Name implements gorm.Plugin.
func (tenancy) Name() string { return "quad:tenancy" }

// Initialize implements gorm.Plugin.
func (tenancy) Initialize(db *gorm.DB) error {
	cb := db.Callback()
	return errors.Join(
		cb.Create().Before("gorm:create").Register("quad:tenancy", onCreate),
		cb.Query().Before("gorm:query").Register("quad:tenancy", onRead),
		cb.Row().Before("gorm:row").Register("quad:tenancy", onRead),
		cb.Update().Before("gorm:update").Register("quad:tenancy", onWrite),
		cb.Delete().Before("gorm:delete").Register("quad:tenancy", onWrite),
		cb.Raw().Before("gorm:raw").Register("quad:tenancy", onRaw),
		cb.Create().After("gorm:create").Register("quad:errors", mapError),
		cb.Query().After("gorm:query").Register("quad:errors", mapError),
		cb.Update().After("gorm:update").Register("quad:errors", mapError),
		cb.Delete().After("gorm:delete").Register("quad:errors", mapError),
		cb.Raw().After("gorm:raw").Register("quad:errors", mapError),
	)
}

// checkedKey marks statements whose text Query and Exec have checked.
const checkedKey = "quad:checked"

func onRaw(db *gorm.DB) {
	if _, ok := db.Get(checkedKey); !ok {
		_ = db.AddError(errors.New("store: raw SQL goes through store.Query or store.Exec"))
	}
}

func onRead(db *gorm.DB) {
	if db.Statement.SQL.Len() > 0 { // Raw(…).Scan(…)
		onRaw(db)
		return
	}
	bind(db)
}

func onWrite(db *gorm.DB) {
	bind(db)
	if moves(db) {
		_ = db.AddError(errors.New("store: account_id cannot be updated"))
	}
}

// moves tells whether an update would move rows to another account.
func moves(db *gorm.DB) bool {
	ctx := db.Statement.Context
	account, ok := AccountID(ctx)
	if !ok || db.Statement.Schema == nil {
		return false // system, or refused by bind
	}
	field := db.Statement.Schema.LookUpField("AccountID")
	if field == nil {
		return false
	}
	if set, ok := db.Statement.Dest.(map[string]any); ok {
		_, byColumn := set[field.DBName]
		_, byName := set[field.Name]
		return byColumn || byName
	}
	moved := false
	eachRow(reflect.Indirect(reflect.ValueOf(db.Statement.Dest)), func(row reflect.Value) {
		if row.Type() == db.Statement.Schema.ModelType {
			owner, zero := field.ValueOf(ctx, row)
			moved = moved || !zero && owner != any(account)
		}
	})
	return moved
}

func bind(db *gorm.DB) {
	ctx := db.Statement.Context
	if isSystem(ctx) {
		return
	}
	account, ok := AccountID(ctx)
	if !ok {
		_ = db.AddError(fmt.Errorf("%w (table %s)", ErrNoAccount, db.Statement.Table))
		return
	}
	column, err := ownerColumn(db.Statement.Schema)
	if err != nil {
		_ = db.AddError(fmt.Errorf("%w: table %s", err, db.Statement.Table))
		return
	}
	// Existing conditions are put in parentheses, so that an OR among them
	// can't reach past the account.
	if c, ok := db.Statement.Clauses["WHERE"]; ok {
		if where, ok := c.Expression.(clause.Where); ok && len(where.Exprs) > 0 {
			c.Expression = clause.Where{Exprs: []clause.Expression{clause.And(where.Exprs...)}}
			db.Statement.Clauses["WHERE"] = c
		}
	}
	db.Statement.AddClause(clause.Where{Exprs: []clause.Expression{
		clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: column}, Value: account},
	}})
}

func onCreate(db *gorm.DB) {
	ctx := db.Statement.Context
	if isSystem(ctx) {
		return
	}
	account, ok := AccountID(ctx)
	if !ok {
		_ = db.AddError(fmt.Errorf("%w (table %s)", ErrNoAccount, db.Statement.Table))
		return
	}
	if db.Statement.Schema == nil {
		_ = db.AddError(errNoOwner)
		return
	}
	field := db.Statement.Schema.LookUpField("AccountID")
	if field == nil {
		_ = db.AddError(fmt.Errorf("%w: table %s", errNoOwner, db.Statement.Table))
		return
	}
	if isMap(db.Statement.ReflectValue.Type()) {
		_ = db.AddError(errors.New("store: rows are created from structs, so that their account can be checked"))
		return
	}
	// An upsert goes by a unique key, which another account's row may have.
	if c, ok := db.Statement.Clauses["ON CONFLICT"]; ok {
		if conflict, ok := c.Expression.(clause.OnConflict); ok && !conflict.DoNothing {
			conflict.Where.Exprs = append(slices.Clone(conflict.Where.Exprs),
				clause.Eq{Column: clause.Column{Table: db.Statement.Table, Name: field.DBName}, Value: account})
			c.Expression = conflict
			db.Statement.Clauses["ON CONFLICT"] = c
		}
	}
	eachRow(db.Statement.ReflectValue, func(row reflect.Value) {
		switch current, zero := field.ValueOf(ctx, row); {
		case zero:
			_ = db.AddError(field.Set(ctx, row, account))
		case current != any(account):
			_ = db.AddError(fmt.Errorf("store: row of account %v written in account %d", current, account))
		}
	})
}

var errNoOwner = errors.New("store: rows without an account need a system context")

// ownerColumn is the column that holds the account of a row: account_id, or id
// for the accounts themselves.
func ownerColumn(s *schema.Schema) (string, error) {
	switch {
	case s == nil:
		return "", errNoOwner
	case s.LookUpField("AccountID") != nil:
		return "account_id", nil
	case s.Table == "accounts":
		return "id", nil
	}
	return "", errNoOwner
}

// isMap tells whether rows of this type are maps instead of structs.
func isMap(t reflect.Type) bool {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Map
}

func eachRow(v reflect.Value, fn func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			fn(reflect.Indirect(v.Index(i)))
		}
	case reflect.Struct:
		fn(v)
	}
}

// Args are the named parameters of a raw statement: @name in its text.
type Args map[string]any

// Query runs a raw SELECT (or … RETURNING) and scans the rows into dest, a
// pointer to a struct, a scalar or a slice of them. The text must use
// @account_id, which is the account of the context; only a system context may
// go without. No row leaves dest as it was.
func (db *DB) Query(ctx context.Context, dest any, text string, args Args) error {
	named, err := checked(ctx, text, args)
	if err != nil {
		return err
	}
	return Err(db.Conn(ctx).Set(checkedKey, true).Raw(text, vars(text, named)...).Scan(dest).Error)
}

// Exec runs a raw statement and gives the number of rows it touched. The text
// must use @account_id as in Query.
func (db *DB) Exec(ctx context.Context, text string, args Args) (int64, error) {
	named, err := checked(ctx, text, args)
	if err != nil {
		return 0, err
	}
	res := db.Conn(ctx).Set(checkedKey, true).Exec(text, vars(text, named)...)
	return res.RowsAffected, Err(res.Error)
}

// vars gives GORM the named parameters. For a text that names none, GORM would
// send the map as a positional one.
func vars(text string, named map[string]any) []any {
	if len(named) == 0 || !strings.Contains(text, "@") {
		return nil
	}
	return []any{named}
}

// checked adds the context's account to the parameters and refuses a text that
// does not use it.
func checked(ctx context.Context, text string, args Args) (map[string]any, error) {
	named := make(map[string]any, len(args)+1)
	for k, v := range args {
		named[k] = v
	}
	if isSystem(ctx) {
		return named, nil
	}
	account, ok := AccountID(ctx)
	if !ok {
		return nil, ErrNoAccount
	}
	if !strings.Contains(text, "@account_id") {
		return nil, fmt.Errorf("store: raw SQL without @account_id: %.60s", strings.TrimSpace(text))
	}
	named["account_id"] = account
	return named, nil
}

package store_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// entities makes one row of every model, in an order that satisfies the foreign
// keys. The ids are those of the account times 1000, so two accounts fit into
// one database; AccountID is left to the store.
func entities(account int64) []any {
	id := account * 1000
	key := []byte(fmt.Sprintf("key%d", account))
	name := fmt.Sprintf("row%d", account)
	email := name + "@mail.test"
	return []any{
		&models.AccountDomain{Host: name + ".test"},
		&models.Organization{ID: id, Name: name, Code: name, Status: models.StatusActive},
		&models.OrganizationDomain{Domain: name + ".test", OrganizationID: id},
		&models.User{ID: id, OrganizationID: id, Email: &email, Name: name, Status: models.StatusActive, Location: []string{}, Languages: []string{}},
		&models.UserCredential{UserID: id, PasswordHash: name},
		&models.Role{ID: id, OrganizationID: id, Title: name, Status: models.StatusActive},
		&models.UserRole{UserID: id, RoleID: id},
		&models.Module{ID: id, Code: name, Status: models.StatusActive},
		&models.Permission{ID: id, Code: name, Module: name, RequestType: []string{"GET"}, APIPath: "/", Status: models.StatusActive},
		&models.RolePermission{RoleTitle: name, PermissionID: id},
		&models.Session{ID: id, UserID: id, Door: "test"},
		&models.OneTimeCode{ID: id, Email: email, Purpose: models.CodeRegistration, Code: key},
		&models.LoginFailure{Key: key},
		&models.APIToken{ID: id, UserID: id, Name: name, TokenHash: key},
		&models.APIClient{ID: id, Name: name, ClientKey: name, SecretHash: key},
		&models.Process{ID: id, Kind: models.ProcessBulkInvite, BusinessKey: name, WorkflowID: name, State: models.ProcessPending, Door: "test",
			Counters: []byte("{}"), Input: []byte("{}"), Result: []byte("{}")},
		&models.ProcessEvent{ID: id, ProcessID: id, Type: "created", Data: []byte("{}")},
		&models.AuditEvent{ID: id, Door: "test", Action: name, Data: []byte("{}")},
		&models.NotificationTemplate{ID: id, OrganizationID: id, Type: models.TemplateEmail, Code: name, Status: models.StatusActive},
		&models.Notification{ID: id, Template: name, Recipient: email, EventKey: name, State: models.NotificationPending, Params: []byte("{}")},
		&models.StoredFile{ID: id, OrganizationID: id, Path: name},
		&models.RoleRequest{ID: id, OrganizationID: id, UserID: id, RoleID: id, Status: models.RoleRequested, RemindEvery: 1, Comments: []string{}, Meta: []byte("{}")},
		&models.RoleRequestDecision{ID: id, RoleRequestID: id, DecidedBy: id, Status: models.RoleRequestApproved, Comments: []string{}, State: models.DecisionSubmitted},
		&models.InviteFile{ID: id, OrganizationID: id, CreatedBy: id, Status: models.InviteFileUploaded, Layout: []byte("{}")},
		&models.InviteFilePage{FileID: id, Page: 1},
		&models.Invite{ID: id, OrganizationID: id, FileID: id, Email: email, RoleIDs: []int64{}, Status: models.InvitePending, TokenVersion: 1},
		&models.InviteRow{FileID: id, RowNo: 1},
		&models.OrgUpload{ID: id},
		&models.OrgUploadFile{ID: id, UploadID: id, Name: name, Status: models.OrgFileQueued},
		&models.OrgUploadRow{FileID: id, RowNo: 1, Verdict: models.OrgRowCreated},
		&models.Form{ID: id, OrganizationID: id, Type: name, SubType: name, Data: []byte("{}")},
		&models.EntityType{ID: id, OrganizationID: id, Value: name, Label: name, Status: models.StatusActive, ModelNames: []string{}},
		&models.Entity{ID: id, EntityTypeID: id, Value: name, Label: name, Status: models.StatusActive},
		&models.GroupHierarchy{Types: []string{name}},
		&models.Group{ID: id, Identifier: name, Name: name, Type: name},
		&models.GroupMember{GroupID: id, UserID: id},
		&models.UserDetail{UserID: id, CustomAttributes: []byte("{}"), Permissions: []string{}},
		&models.UserOrganization{UserID: id, OrganizationID: id},
		&models.Entitlement{ID: id, UserID: id, EntityType: models.EntitlementGroup, EntityID: id, Role: models.EntitlementManager},
		&models.Course{ID: id, Identifier: name, PublicID: uuid.NewString(), Name: name, Type: models.CourseTypeCourse, Status: models.CourseActive, Categories: []string{}},
		&models.ClassSession{ID: id, CourseID: id, Name: name},
		&models.CatalogItem{ID: id, CourseID: id, PublicID: uuid.NewString()},
		&models.Enrollment{ID: id, CourseID: id, UserID: id, DirectLearner: true, Learner: true},
		&models.CourseGroup{ID: id, CourseID: id, GroupID: id},
		&models.EnrollmentSource{CourseGroupID: id, UserID: id, CourseID: id},
		&models.ClassAttendance{ClassSessionID: id, UserID: id},
		&models.UserProfile{ID: id, Identifier: name, Name: name},
		&models.AccountSetting{Key: name, Value: name},
		&models.UserProfileMember{ProfileID: id, UserID: id},
		&models.Certificate{ID: id, Identifier: name, Name: name, Status: models.CertificateActive},
		&models.CertificateIssue{ID: id, CertificateID: id, UserID: id, Code: name, CourseNames: []string{}},
		&models.UserCertificate{ID: id, CertificateID: id, UserID: id, State: models.CertificateInit},
		&models.CertificateTransition{ID: id, UserCertificateID: id, CertificateID: id, UserID: id, ToState: new(models.CertificateInit)},
		&models.Project{ID: id, OrganizationID: &id, Name: name, Status: models.WorkActive},
		&models.ProjectExpense{ID: id, ProjectID: id, Amount: models.MoneyUnit},
		&models.Milestone{ID: id, ProjectID: id, Name: name, Status: models.MilestonePending},
		&models.Activity{ID: id, ProjectID: id, Name: name, Status: models.WorkActive},
		&models.ActivityAssignment{ID: id, ActivityID: id, UserID: id},
		&models.Survey{ID: id, OrganizationID: &id, Name: name, Status: models.SurveyActive},
		&models.SurveyField{ID: id, SurveyID: id, Name: name, Type: models.FieldText, Options: []string{}},
		&models.SurveyAssignment{ID: id, SurveyID: id, UserID: id},
		&models.SurveySubmission{ID: id, SurveyID: id, UserID: id, Responses: []byte("{}")},
		&models.Quiz{ID: id, CourseID: id, Name: name},
		&models.QuizAttempt{ID: id, QuizID: id, UserID: id},
		&models.Assignment{ID: id, CourseID: id, Name: name},
		&models.AssignmentSubmission{ID: id, AssignmentID: id, UserID: id},
		&models.Report{ID: id, Title: name, Type: models.ReportCustom, Status: models.ReportCompleted, Sections: []byte("{}"), ScopeOrgs: []int64{}, Files: []byte("[]")},
		&models.ReportSchedule{ID: id, OwnerID: id, Title: name, Type: models.ReportTrainingSummary, Frequency: models.ReportDaily, Day: 1, Recipients: []int64{id}},
		&models.ReportRemoval{ReportID: id},
		&models.ExternalCertificate{ID: id, UserID: id, Kind: models.ExternalCertificateBadge, Name: name},
		&models.Connection{ID: id, Name: name, Kind: name, Settings: []byte("{}"), Status: models.ConnectionNew},
		&models.SyncRun{ID: id, ConnectionID: id, Trigger: models.SyncManual, State: models.SyncRunning, Tables: []string{}},
		&models.SyncRunTable{RunID: id, Table: name, Skipped: []byte("{}")},
		&models.SyncChange{ID: id, ConnectionID: id, RunID: id, Table: name, SourceID: id, Op: models.SyncInserted},
		&models.LMSPerson{ConnectionID: id, UserID: id},
		&models.ETLRun{ID: id},
	}
}

func typeName(entity any) string { return reflect.TypeOf(entity).Elem().Name() }

// fresh is an empty value of the entity's type, and slice an empty list of it.
func fresh(entity any) any { return reflect.New(reflect.TypeOf(entity).Elem()).Interface() }
func slice(entity any) any {
	return reflect.New(reflect.SliceOf(reflect.TypeOf(entity).Elem())).Interface()
}
func length(list any) int { return reflect.ValueOf(list).Elem().Len() }

func setAccount(entity any, account int64) any {
	reflect.ValueOf(entity).Elem().FieldByName("AccountID").SetInt(account)
	return entity
}

// world is a database with the same rows in account 1 and 2.
type world struct {
	*store.DB
	system, one, two context.Context
}

func newWorld(t *testing.T) world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := world{DB: db, system: store.AsSystem(t.Context()), one: store.WithAccount(t.Context(), 1), two: store.WithAccount(t.Context(), 2)}
	for account, ctx := range map[int64]context.Context{1: w.one, 2: w.two} {
		require.NoError(t, db.Conn(w.system).Create(&models.Account{ID: account, Name: "account", Status: models.StatusActive}).Error)
		for _, e := range entities(account) {
			require.NoError(t, db.Conn(ctx).Create(e).Error, typeName(e))
		}
	}
	return w
}

// TestEveryTenantOwnedModelIsTried fails when a model is added and not tried.
func TestEveryTenantOwnedModelIsTried(t *testing.T) {
	files, err := filepath.Glob("../../models/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var owned []string
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if ok && hasField(body, "AccountID") {
				owned = append(owned, spec.Name.Name)
			}
			return true
		})
	}
	var tried []string
	for _, e := range entities(1) {
		tried = append(tried, typeName(e))
	}
	slices.Sort(owned)
	slices.Sort(tried)
	owned = slices.DeleteFunc(owned, func(name string) bool { return name == "ProcessInput" }) // an argument, not a row
	require.Equal(t, owned, tried)
}

func hasField(body *ast.StructType, name string) bool {
	return slices.ContainsFunc(body.Fields.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.Name == name })
	})
}

func TestWithoutAnAccountEveryModelIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, e := range append(entities(3), &models.Account{ID: 3, Name: "x"}) {
		t.Run(typeName(e), func(t *testing.T) {
			conn := w.Conn(t.Context())
			require.ErrorIs(t, conn.Find(slice(e)).Error, store.ErrNoAccount)
			require.ErrorIs(t, conn.First(fresh(e)).Error, store.ErrNoAccount)
			var n int64
			require.ErrorIs(t, conn.Model(fresh(e)).Count(&n).Error, store.ErrNoAccount)
			_, err := conn.Model(fresh(e)).Rows() //nolint:rowserrcheck,sqlclosecheck // refused
			require.ErrorIs(t, err, store.ErrNoAccount)
			require.ErrorIs(t, conn.Create(e).Error, store.ErrNoAccount)
			require.ErrorIs(t, conn.Save(e).Error, store.ErrNoAccount)
			require.ErrorIs(t, conn.Model(fresh(e)).Where("1 = 1").Updates(map[string]any{"created_at": nil}).Error, store.ErrNoAccount)
			require.ErrorIs(t, conn.Where("1 = 1").Delete(fresh(e)).Error, store.ErrNoAccount)
		})
	}
}

func TestOnlyTheOwnAccountsRowsAreSeenAndTouched(t *testing.T) {
	w := newWorld(t)
	list := entities(1)
	for _, e := range list {
		t.Run(typeName(e), func(t *testing.T) {
			rows := slice(e)
			require.NoError(t, w.Conn(w.one).Find(rows).Error)
			require.Equal(t, 1, length(rows))
			require.EqualValues(t, 1, reflect.ValueOf(rows).Elem().Index(0).FieldByName("AccountID").Int())

			rows = slice(e)
			require.NoError(t, w.Conn(w.one).Where("account_id = ?", 2).Find(rows).Error)
			require.Equal(t, 0, length(rows), "asked for another account's rows")
			rows = slice(e)
			require.NoError(t, w.Conn(w.one).Where("account_id = ?", 2).Or("1 = 1").Find(rows).Error)
			require.Equal(t, 1, length(rows), "an OR must not reach past the account")
			rows = slice(e)
			require.NoError(t, w.Conn(w.one).Where("account_id = 1").Or("account_id = 2").Or(map[string]any{"account_id": 2}).Find(rows).Error)
			require.Equal(t, 1, length(rows))
			var n int64
			require.NoError(t, w.Conn(w.one).Model(fresh(e)).Where("1 = 0").Or("1 = 1").Count(&n).Error)
			require.EqualValues(t, 1, n)

			require.ErrorContains(t, w.Conn(w.one).Model(fresh(e)).Where("1 = 1").Update("account_id", 2).Error, "account_id")
			require.Error(t, w.Conn(w.one).Create(setAccount(entities(3)[slices.Index(list, e)], 2)).Error, "a row of another account")
		})
	}
	t.Run("Account", func(t *testing.T) {
		var accounts []models.Account
		require.NoError(t, w.Conn(w.one).Find(&accounts).Error)
		require.Len(t, accounts, 1)
		require.EqualValues(t, 1, accounts[0].ID)
		require.Error(t, w.Conn(w.one).Create(&models.Account{Name: "made by an account"}).Error)
	})
	t.Run("a transaction", func(t *testing.T) {
		require.NoError(t, w.InTx(w.one, func(ctx context.Context) error {
			var users []models.User
			require.NoError(t, w.Conn(ctx).Find(&users).Error)
			require.Len(t, users, 1)
			return nil
		}))
	})
}

func TestWritesStayInTheAccount(t *testing.T) {
	w := newWorld(t)
	name := func(ctx context.Context, id int64) string {
		var u models.User
		require.NoError(t, w.Conn(ctx).Where("id = ?", id).Find(&u).Error)
		return u.Name
	}
	update := w.Conn(w.one).Model(&models.User{}).Where("id = ?", 2000).Or("1 = 1").Update("name", "changed")
	require.NoError(t, update.Error)
	require.EqualValues(t, 1, update.RowsAffected)
	require.Equal(t, "changed", name(w.one, 1000))
	require.Equal(t, "row2", name(w.two, 2000))

	deleted := w.Conn(w.one).Where("account_id = 2").Or("1 = 1").Delete(&models.AuditEvent{})
	require.NoError(t, deleted.Error)
	require.EqualValues(t, 1, deleted.RowsAffected)
	var left []models.AuditEvent
	require.NoError(t, w.Conn(w.two).Find(&left).Error)
	require.Len(t, left, 1)

	// Save and upserts go by primary key, which another account's row may have.
	foreign := models.User{ID: 2000, OrganizationID: 1000, Name: "stolen", Status: models.StatusActive, Location: []string{}, Languages: []string{}}
	saved := w.Conn(w.one).Save(&foreign)
	require.True(t, saved.Error != nil || saved.RowsAffected == 0, "nothing of another account may be saved")
	upsert := foreign
	res := w.Conn(w.one).Clauses(clause.OnConflict{UpdateAll: true}).Create(&upsert)
	require.True(t, res.Error != nil || res.RowsAffected == 0)
	upsert = foreign
	res = w.Conn(w.one).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&upsert)
	require.True(t, res.Error != nil || res.RowsAffected == 0)
	require.Equal(t, "row2", name(w.two, 2000))

	// An upsert of the account's own row works.
	own := models.User{ID: 1000, OrganizationID: 1000, Name: "upserted", Status: models.StatusActive, Location: []string{}, Languages: []string{}}
	require.NoError(t, w.Conn(w.one).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&own).Error)
	require.Equal(t, "upserted", name(w.one, 1000))

	// A row can't be moved to another account, however the change is written.
	require.Error(t, w.Conn(w.one).Model(&models.User{}).Where("id = ?", 1000).Updates(models.User{AccountID: 2}).Error)
	require.Error(t, w.Conn(w.one).Model(&models.User{}).Where("id = ?", 1000).UpdateColumn("account_id", 2).Error)
	require.Error(t, w.Conn(w.one).Save(&models.User{ID: 1000, AccountID: 2, OrganizationID: 1000, Name: "moved", Location: []string{}, Languages: []string{}}).Error)
	require.Error(t, w.Conn(w.one).Model(&models.User{}).Create(map[string]any{"account_id": 2, "organization_id": 2000, "name": "map"}).Error)
	require.Error(t, w.Conn(w.one).Model(&models.User{}).Create([]map[string]any{{"account_id": 2, "organization_id": 2000, "name": "map"}}).Error)
	require.Equal(t, "upserted", name(w.one, 1000))
}

func TestTablesWithoutAnOwnerNeedASystemContext(t *testing.T) {
	w := newWorld(t)
	var names []string
	require.Error(t, w.Conn(w.one).Table("users").Pluck("name", &names).Error)
	require.NoError(t, w.Conn(w.system).Table("users").Pluck("name", &names).Error)
	require.Len(t, names, 2)
}

func TestRawSQLIsCheckedForTheAccount(t *testing.T) {
	w := newWorld(t)
	var n int64
	const all, own = `SELECT count(*) FROM users`, `SELECT count(*) FROM users WHERE account_id = @account_id`
	discard := func(pgx.CollectableRow) error { return nil }

	require.ErrorIs(t, w.Query(t.Context(), &n, own, nil), store.ErrNoAccount)
	_, err := w.Exec(t.Context(), own, nil)
	require.ErrorIs(t, err, store.ErrNoAccount)
	require.ErrorIs(t, w.QueryRows(t.Context(), own, nil, discard), store.ErrNoAccount)
	require.ErrorIs(t, w.QueryRowsPlanned(t.Context(), own, nil, discard), store.ErrNoAccount)
	require.ErrorIs(t, w.Bulk(t.Context(), func(*store.BulkTx) error { return nil }), store.ErrNoAccount)

	require.ErrorContains(t, w.Query(w.one, &n, all, nil), "@account_id")
	_, err = w.Exec(w.one, `DELETE FROM users`, nil)
	require.ErrorContains(t, err, "@account_id")
	require.ErrorContains(t, w.QueryRows(w.one, all, nil, discard), "@account_id")
	require.ErrorContains(t, w.QueryRowsPlanned(w.one, all, nil, discard), "@account_id")
	require.NoError(t, w.Bulk(w.one, func(tx *store.BulkTx) error {
		_, err := tx.Exec(`DELETE FROM users`, nil)
		require.ErrorContains(t, err, "@account_id")
		require.ErrorContains(t, tx.Query(all, nil, discard), "@account_id")
		return nil
	}))
	require.ErrorContains(t, w.Conn(w.one).Raw(all).Scan(&n).Error, "raw SQL")
	require.ErrorContains(t, w.Conn(w.one).Exec(`DELETE FROM users`).Error, "raw SQL")

	require.NoError(t, w.Query(w.one, &n, own, store.Args{"account_id": int64(2)}))
	require.EqualValues(t, 1, n)
	var name string
	require.NoError(t, w.Query(w.one, &name, `SELECT name FROM users WHERE account_id = @account_id`, store.Args{"account_id": int64(2)}))
	require.Equal(t, "row1", name, "a parameter can't name another account")
	require.NoError(t, w.Query(w.system, &n, all, nil))
	require.EqualValues(t, 2, n)
}

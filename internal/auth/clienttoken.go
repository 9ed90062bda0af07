package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

// ClientTokenLife is how long an API client's access token works.
const ClientTokenLife = time.Hour

const purposeClient = "client token"

// SignInClient gives an API client of a whole account an access token for its
// key and secret. Several tokens may live at once; none can be renewed. Errors:
// ErrTokenInvalid for every pair that does not work, also that of a client which
// is limited to an organization.
func (s *Service) SignInClient(ctx context.Context, key, secret string) (token string, err error) {
	client, err := s.AuthenticateClient(ctx, key, secret)
	if err != nil {
		return "", err
	}
	if client.OrganizationID != nil {
		return "", ErrTokenInvalid
	}
	now := s.now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: strconv.FormatInt(client.ID, 10), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ClientTokenLife)),
	}).SignedString(s.keys.purpose(purposeClient)[0].mac)
}

// clientState is an API client as the database has it now.
type clientState struct {
	account int64
	name    string
	usable  bool
}

const byClients = `SELECT c.id, c.account_id, c.name, c.revoked_at IS NULL AND c.organization_id IS NULL AND a.status = 'ACTIVE'
	FROM api_clients c JOIN accounts a ON a.id = c.account_id WHERE c.id = ANY(CAST(@clients AS bigint[]))`

// readClients reads API clients by id.
func (s *Service) readClients(ctx context.Context, ids []int64) (map[int64]clientState, error) {
	states := make(map[int64]clientState, len(ids))
	err := s.db.QueryRows(store.AsSystem(ctx), byClients, store.Args{"clients": ids}, func(row pgx.CollectableRow) error {
		var id int64
		var st clientState
		if err := row.Scan(&id, &st.account, &st.name, &st.usable); err != nil {
			return err
		}
		states[id] = st
		return nil
	})
	return states, err
}

// AuthenticateClientToken checks an access token of SignInClient with one
// statement, shared by requests that arrive at the same time, so that a revoked
// client is refused from its next request on. The client may do everything in
// its account: it counts as holding the role admin. Errors: ErrTokenInvalid,
// ErrTokenExpired.
func (s *Service) AuthenticateClientToken(ctx context.Context, token string) (Principal, error) {
	id, err := s.clientOf(token)
	if err != nil {
		return Principal{}, err
	}
	st, found, err := s.clients.Load(ctx, id)
	switch {
	case err != nil:
		return Principal{}, fmt.Errorf("auth: client: %w", err)
	case !found, !st.usable:
		return Principal{}, ErrTokenExpired
	}
	return Principal{AccountID: st.account, ClientID: id, Door: Door(ctx), Name: st.name, Roles: []string{models.RoleAdmin}}, nil
}

// clientOf checks signature and expiry and tells whose token it is.
func (s *Service) clientOf(token string) (int64, error) {
	if len(token) > maxToken {
		return 0, ErrTokenInvalid
	}
	var claims jwt.RegisteredClaims
	_, err := s.parser.ParseWithClaims(token, &claims, s.verifyingKeys(purposeClient))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return 0, ErrTokenExpired.With(err)
	case err != nil:
		return 0, ErrTokenInvalid.With(err)
	}
	id, err := strconv.ParseInt(claims.Subject, 10, 64)
	if err != nil || id <= 0 {
		return 0, ErrTokenInvalid
	}
	return id, nil
}

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// roleBare makes this program the bare server, see main.
const roleBare = "bare"

// Settings of the bare server.
const (
	bareAddr     = "BENCH_ADDR"
	bareDatabase = "DATABASE_URL"
	bareConns    = "DATABASE_MAX_CONNS"
)

// bareProfile is a user as the hub's profile shows one, without anything that
// takes more than the row.
type bareProfile struct {
	ID                int64      `json:"id"`
	OrganizationID    int64      `json:"organization_id"`
	Email             *string    `json:"email"`
	EmailVerified     bool       `json:"email_verified"`
	Name              string     `json:"name"`
	Status            string     `json:"status"`
	About             *string    `json:"about"`
	Image             *string    `json:"image"`
	Gender            *string    `json:"gender"`
	Location          []string   `json:"location"`
	Languages         []string   `json:"languages"`
	PreferredLanguage string     `json:"preferred_language"`
	ShareLink         *string    `json:"share_link"`
	AcceptedTermsAt   *time.Time `json:"accepted_terms_at"`
	LastLoggedInAt    *time.Time `json:"last_logged_in_at"`
	DeletedAt         *time.Time `json:"deleted_at"`
	CreatedAt         time.Time  `json:"created_at"`
	UpdatedAt         time.Time  `json:"updated_at"`
}

// bareSelect is prepared once for a connection: pgx does that by itself.
const bareSelect = `SELECT id, organization_id, email, email_verified, name, status, about, image, gender, location, languages,
	preferred_language, share_link, accepted_terms_at, last_logged_in_at, deleted_at, created_at, updated_at FROM users WHERE id = $1`

// serveBare is the limit of reads: Fiber, one SELECT by primary key, JSON.
func serveBare() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := pgxpool.ParseConfig(os.Getenv(bareDatabase))
	if err != nil {
		return err
	}
	conns, err := strconv.ParseInt(os.Getenv(bareConns), 10, 32)
	if err != nil {
		return err
	}
	cfg.MaxConns = int32(conns)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/readyz", func(c *fiber.Ctx) error { return pool.Ping(c.UserContext()) })
	app.Get("/users/:id", func(c *fiber.Ctx) error {
		id, err := c.ParamsInt("id")
		if err != nil {
			return fiber.ErrNotFound
		}
		var u bareProfile
		err = pool.QueryRow(c.UserContext(), bareSelect, id).Scan(&u.ID, &u.OrganizationID, &u.Email, &u.EmailVerified, &u.Name, &u.Status,
			&u.About, &u.Image, &u.Gender, &u.Location, &u.Languages, &u.PreferredLanguage, &u.ShareLink, &u.AcceptedTermsAt,
			&u.LastLoggedInAt, &u.DeletedAt, &u.CreatedAt, &u.UpdatedAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return fiber.ErrNotFound
		}
		if err != nil {
			return err
		}
		return c.JSON(u)
	})
	serveLists(app, pool)
	serveEnabley(app, pool)
	go func() {
		<-ctx.Done()
		_ = app.ShutdownWithTimeout(5 * time.Second)
	}()
	return app.Listen(os.Getenv(bareAddr))
}

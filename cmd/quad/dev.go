package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"quad/internal/config"
	"quad/internal/demo"
	"quad/internal/devstack"
	"quad/internal/hub"
	"quad/internal/process"
	"quad/internal/store"
)

func devCommand() *cobra.Command {
	var data, job string
	var random bool
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: services, demo data, worker and API",
		Long: `Run a whole hub in this terminal until Ctrl-C: a private PostgreSQL, Redis,
Temporal and mail inbox, the schema, the demo account, worker and API. All data
is in one folder. DATABASE_URL, REDIS_URL, TEMPORAL_ADDRESS, SMTP_URL and
BLOB_URL in the environment replace the service; every other setting
(see "quad config") is passed on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := devstack.HubOptions{
				Dir: data, Out: cmd.OutOrStdout(), Color: devstack.IsTerminal(os.Stdout),
				SearchAttributes: process.SearchAttributes,
				Migrate:          store.Migrate,
				Seed:             seedDev,
				Links: []devstack.HubLink{
					{Label: "Docs", Path: "/docs"},
					{Label: "Metrics", Path: "/metrics"},
					{Label: "Worker metrics", Path: "/metrics", Worker: true},
				},
			}
			switch job {
			case "once", "always":
				options.DemoAlways = job == "always"
				options.Demo = func(ctx context.Context, _ devstack.HubEnv, hub devstack.DemoHub) error {
					return demo.Run(ctx, hub, cmd.OutOrStdout())
				}
			case "never":
			default:
				return fmt.Errorf("--demo is once, always or never, not %q", job)
			}
			if random {
				var err error
				if options.Ports, err = randomPorts(); err != nil {
					return err
				}
			}
			return devstack.RunHub(cmd.Context(), options)
		},
	}
	cmd.Flags().StringVar(&data, "data", dataDir(), "folder for all data (QUAD_DATA)")
	cmd.Flags().StringVar(&job, "demo", "once", "run the main job after the start: once for a data folder, always or never")
	cmd.Flags().BoolVar(&random, "random-ports", false, "listen on free ports at random instead of the usual ones")
	return cmd
}

// dataDir is the folder for local data.
func dataDir() string {
	if dir := os.Getenv("QUAD_DATA"); dir != "" {
		return dir
	}
	return ".quad"
}

// seedDev makes the demo data with passwords that are kept in the data folder.
func seedDev(ctx context.Context, env devstack.HubEnv) (devstack.Demo, error) {
	cfg, err := config.FromMap(env.Vars)
	if err != nil {
		return devstack.Demo{}, fmt.Errorf("configuration:\n%w", err)
	}
	h, err := hub.New(ctx, cfg, hub.Options{Role: "seed", Version: version})
	if err != nil {
		return devstack.Demo{}, err
	}
	defer h.Close()
	data, _, err := demo.Seed(ctx, h, env.Secret)
	if errors.Is(err, demo.ErrAccountInUse) {
		// DATABASE_URL is somebody's own database: it gets no demo people.
		return devstack.Demo{}, nil
	}
	return data, err
}

func randomPorts() (p devstack.HubPorts, err error) {
	given := map[int]bool{0: true}
	for _, port := range []*int{&p.API, &p.Worker, &p.Queues, &p.Postgres, &p.Redis, &p.Temporal, &p.TemporalUI, &p.SMTP, &p.Inbox} {
		for given[*port] {
			if *port, err = devstack.RandomPort(); err != nil {
				return p, err
			}
		}
		given[*port] = true
	}
	return p, nil
}

// besideSettings are the settings of the environment, or, when it names no
// database, those of the development hub that runs in the data folder.
func besideSettings(needs ...config.Need) (config.Config, error) {
	if os.Getenv("DATABASE_URL") != "" {
		return settings(needs...)
	}
	vars := map[string]string{}
	for _, variable := range os.Environ() {
		if name, value, ok := strings.Cut(variable, "="); ok {
			vars[name] = value
		}
	}
	found, err := devstack.Beside(dataDir())
	if errors.Is(err, devstack.ErrNoHub) {
		return settings(needs...) // says what the environment lacks
	}
	if err != nil {
		return config.Config{}, err
	}
	maps.Copy(vars, found)
	cfg, err := config.FromMap(vars)
	if err = errors.Join(err, cfg.Require(needs...)); err != nil {
		return cfg, fmt.Errorf("configuration:\n%w", err)
	}
	return cfg, nil
}

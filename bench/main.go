// Command bench measures the hub against limits that it meets in the same run,
// on the same machine: what a bare server answers, what a raw COPY writes. It
// starts PostgreSQL, Redis and Temporal of its own with the settings of
// `quad dev`, prints one table and writes bench/out/latest.json.
//
//	go run ./bench [-quick] [-only read,invite] [-out file]
//
// docs/performance.md says what each row means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// limit bounds a whole run, so that one that hangs ends and cleans up.
const limit = time.Hour

// sizes are how much a run measures.
type sizes struct {
	rounds      int           // of each side of a ratio; the median counts
	readTime    time.Duration // of one side of a round of reads
	inviteRows  int           // of each imported file
	workerRows  int           // of the file whose import's memory is looked at
	starts      int           // processes of which the start is timed
	connections int           // of the load generator
	readers     int           // people who read their profile
	crowd       int           // people beside them in the tables

	members       int // people of the account whose lists are read
	organizations int // that they are in
	logins        int // sign-ins that are timed

	doorRounds   int           // of each side of a ratio of the Enabley door
	doorTime     time.Duration // of one side of such a round
	groups       int           // of one account
	certificates int           // that a sweep passes
	learners     int           // over whom figures are computed
}

var (
	full = sizes{rounds: 5, readTime: 4 * time.Second, inviteRows: 200_000, workerRows: 1_000_000, starts: 200, connections: 32, readers: 64, crowd: 20_000,
		members: 100_000, organizations: 1_000, logins: 100,
		doorRounds: 3, doorTime: 1500 * time.Millisecond, groups: 10_000, certificates: 1_000_000, learners: 200_000}
	quick = sizes{rounds: 3, readTime: 1 * time.Second, inviteRows: 20_000, workerRows: 100_000, starts: 30, connections: 32, readers: 64, crowd: 20_000,
		members: 100_000, organizations: 1_000, logins: 100,
		doorRounds: 2, doorTime: 500 * time.Millisecond, groups: 10_000, certificates: 100_000, learners: 20_000}
)

// benchmark measures one or more rows.
type benchmark struct {
	name string
	what string
	run  func(ctx context.Context, s *stack, size sizes) ([]Row, error)
}

var benchmarks = []benchmark{
	{"read", "authenticated reads against a bare handler", benchRead},
	{"statements", "SQL statements of a sign-in and of a read", benchStatements},
	{"invite", "a bulk invite's steps against COPY", benchInvite},
	{"invite-worker", "a bulk invite through Temporal and a worker against COPY", benchInviteWorker},
	{"start", "from the request to the first activity", benchStart},
	{"million", "memory and history of a large import", benchMillion},
	{"login", "a sign-in against its password hash", benchLogin},
	{"lists", "lists of people and organizations against their SQL alone", benchLists},
	{"enabley-users", "pages of the Enabley door's people against their SQL alone", benchEnableyUsers},
	{"performance", "pages of a channel's performance against their SQL alone", benchPerformance},
	{"groups", "the list of all groups against its SQL alone", benchGroups},
	{"put-users", "create-or-update of a user against one INSERT or UPDATE", benchPutUsers},
	{"sweep", "a sweep over a million certificates against a bare UPDATE", benchSweep},
	{"sync", "the synchronisation of a Moodle against COPY of the same rows", benchSync},
	{"mis-figures", "the figures of the MIS door against their SQL alone", benchMISFigures},
}

func main() {
	// The other ends of the read benchmark are processes of their own: this
	// program again, told by its first argument.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleBare:
			exit(serveBare())
		case roleLoad:
			exit(generateLoad(os.Stdin, os.Stdout))
		}
	}
	exit(run(os.Args[1:], os.Stdout))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type options struct {
	only    []string
	quick   bool
	out     string
	program string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "comma-separated benchmarks to run; empty: all")
	flags.BoolVar(&o.quick, "quick", false, "small sizes: shows that everything works, measures little")
	flags.StringVar(&o.out, "out", "", "file of the results; default bench/out/latest.json")
	flags.StringVar(&o.program, "quad", "", "the hub's binary to measure; empty: built from the checkout")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "Usage: bench [flags]")
		flags.PrintDefaults()
		fmt.Fprintln(flags.Output(), "Benchmarks:")
		for _, b := range benchmarks {
			fmt.Fprintf(flags.Output(), "  %-14s %s\n", b.name, b.what)
		}
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	for name := range strings.SplitSeq(*only, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.ContainsFunc(benchmarks, func(b benchmark) bool { return b.name == name }) {
			return o, fmt.Errorf("no benchmark is called %q (see -help)", name)
		}
		o.only = append(o.only, name)
	}
	return o, nil
}

func run(args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if o.out == "" {
		o.out = filepath.Join(root, "bench", "out", "latest.json")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	size := full
	if o.quick {
		size = quick
	}
	begin := time.Now()
	s, err := startStack(ctx, root, o.program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	report := newReport(begin, o.quick)
	for _, b := range benchmarks {
		if len(o.only) > 0 && !slices.Contains(o.only, b.name) {
			continue
		}
		say("measuring %s: %s", b.name, b.what)
		rows, err := b.run(ctx, s, size)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		report.Rows = append(report.Rows, rows...)
	}
	report.Seconds = time.Since(begin).Seconds()
	if err := report.write(o.out); err != nil {
		return err
	}
	report.print(out)
	return nil
}

// say tells a person at the terminal what is going on; the table is the only
// thing on standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// moduleRoot is the checkout: the folder with go.mod, here or above.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here or above: run it in the checkout")
		}
		dir = up
	}
}

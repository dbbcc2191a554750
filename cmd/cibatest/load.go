package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/loadgen"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// loadFlags are the flags of load.
type loadFlags struct {
	target, out, client, mode, users  string
	patience                          time.Duration
	device                            string
	rate, arrivals, replay            string
	agents                            int
	pause, duration, drain, timeout   time.Duration
	mix, think, pollers, probes, rar  string
	params                            []string
	userLimit, maxPending, maxWorkers int
	maxLag                            time.Duration
	transport, audience, metrics      string
	objectives, aborts                []string
	consent                           loadgen.Consent
	seed                              int64
	json                              bool
}

func newLoad() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Drive many flows at once and tell what users would feel",
		Long: `Starts flows on schedule, polls for each of them as the OP says, has users decide, and
judges the protocol while it is at it. It writes load.json, report.html,
junit.xml and summary.md into the output folder, and load.ndjson line by line as the
run goes.
Without --target the embedded reference OP is loaded, in this very process.

With --mode ping or push the OP calls the client, where notifications in the target file says. A
ping flow that is not called within --patience polls.

Rates: 200/s; a ramp 10/s..200/s; steps 10/s,50/s,100/s; a spike 50/s+500/s@60s/10s.
Objectives: redeem.p99<300ms, initiate.service.p99<100ms, violations==0, flow.success>99.5%.
Where anybody decided, decision.delivered>99% is one without being asked for: what users
decide reaches the client within one interval and ten seconds, with ping and push within
fifteen seconds.

Exit codes: 0 all objectives held, 1 an objective missed, the protocol violated, or
decisions lost; 2 usage, 3 aborted, unreachable, no start acknowledged, decisions that
could not be made, or the generator was the limit; 130 interrupted.`,
		Example: `  cibatest load --rate 20/s --duration 30s
  cibatest load --mode ping --rate 20/s --duration 30s
  cibatest load --target staging.yaml --rate 5/s..100/s --duration 10m ` +
			`--slo 'redeem.p99<300ms' --slo 'violations==0' --i-own-this-target staging.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return load(cmd, f) },
	}
	f.bind(cmd)
	return cmd
}

func (f *loadFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file; empty: the embedded reference OP (CIBATEST_TARGET)")
	flags.StringVarP(&f.out, "out", "o", "out", "folder for the results; created when missing")
	flags.StringVar(&f.client, "client", "", "client by its name in the target file; empty: the first of the mode")
	flags.StringVar(&f.mode, "mode", "", "delivery mode: poll, ping or push; empty: that of --client, else poll")
	flags.DurationVar(&f.patience, "patience", loadgen.DefaultPatience, "ping: how long a flow waits for the call of the OP before it polls")
	flags.StringVar(&f.rate, "rate", "10/s", "starts over time: 200/s, 10/s..200/s, 10/s,50/s, 50/s+500/s@60s/10s")
	flags.StringVar(&f.arrivals, "arrivals", "steady", "steady, or poisson: the same rate with random gaps")
	flags.StringVar(&f.replay, "replay", "", "file of recorded arrivals, one time a line in seconds or RFC 3339; replaces --rate")
	flags.IntVar(&f.agents, "agents", 0, "closed loop: so many flows at once, each followed by the next; replaces --rate")
	flags.DurationVar(&f.pause, "pause", 0, "with --agents: between an agent's flows")
	flags.DurationVarP(&f.duration, "duration", "d", 30*time.Second, "how long flows start")
	flags.DurationVar(&f.drain, "drain", 0,
		"how long flows may still end after the last start; 0: until the OP ends what was decided, at most "+loadgen.MostDrain.String())
	flags.DurationVar(&f.timeout, "timeout", loadgen.DefaultTimeout, "of one request; long enough for a long poll")
	flags.StringVar(&f.mix, "mix", "approve=90,deny=5,ignore=5", "how users decide")
	flags.StringVar(&f.think, "think", "lognormal:4s,0.6",
		"how long users think: fixed:2s, uniform:1s..5s, lognormal:MEDIAN,SIGMA")
	flags.StringVar(&f.device, "device", "",
		"URL of the 'cibatest device' the OP asks, which decides by its own policy in place of --mix and --think; "+
			"it is asked what it decided and when (token: "+deviceTokenEnv+")")
	flags.StringVar(&f.pollers, "pollers", "steady",
		"when a due poll is sent: steady (at once), jitter:500ms, sync:5s (all at multiples of 5s)")
	flags.StringVar(&f.probes, "probes", "2%", "share of flows that are redeemed twice")
	flags.StringVar(&f.users, "users", "", "file of users, one login_hint a line and, after a tab, the sub; empty: those of the target file")
	flags.IntVar(&f.userLimit, "user-limit", 0, "most starts a minute for one user; 0: no limit")
	flags.StringVar(&f.rar, "rar", "", "file with authorization_details to ask for; {flow} and {amount} become values of each flow")
	flags.StringArrayVar(&f.params, "param", nil, "name=value to add to every backchannel request; repeatable")
	flags.StringVar(&f.audience, "assertion-audience", "", "audience of client assertions; empty: the issuer")
	flags.StringArrayVar(&f.objectives, "slo", nil, "objective, repeatable; see above")
	flags.StringArrayVar(&f.aborts, "abort-on", nil, "condition that ends the run, as 'error_rate>20% for 10s'; repeatable")
	flags.IntVar(&f.maxPending, "max-pending", 0, "most flows at once; 0: 100000, or what the target's persona takes")
	flags.IntVar(&f.maxWorkers, "max-workers", loadgen.DefaultMaxWorkers, "most requests under way at once")
	flags.DurationVar(&f.maxLag, "max-lag", loadgen.DefaultMaxLag,
		"lateness of one request in a hundred beyond which this machine counts as the limit")
	flags.StringVar(&f.transport, "transport", "http", "http: net/http, the reference; fast: fasthttp, half the CPU, HTTP/1.1 only, no proxy")
	flags.StringVar(&f.metrics, "metrics-listen", "", "address on which to publish OpenMetrics while the load runs, as 127.0.0.1:9464")
	flags.StringSliceVar(&f.consent.Hosts, "i-own-this-target", nil, "host beyond loopback that is yours to load; repeatable")
	flags.StringVar(&f.consent.Approval, "written-approval", "", "reference of the vendor's approval, where the persona needs one")
	flags.BoolVar(&f.consent.LiftCaps, "lift-caps", false, "no cap on rate, duration and pending flows of a target beyond loopback")
	flags.Int64Var(&f.seed, "seed", 0, "seed for everything random; 0: a new one, printed in the result")
	flags.BoolVar(&f.json, "json", false, "print load.json on standard output instead of the text summary")
}

func load(cmd *cobra.Command, f loadFlags) error {
	f.seed = seedOr(f.seed)
	opened, err := openTarget(cmd, f.target)
	if err != nil {
		return err
	}
	defer opened.Close()
	facts, err := preflight.Gather(cmd.Context(), opened.RoundTripper, opened.Target)
	if err != nil {
		return notJudged(err)
	}
	target := facts.Target
	tellElsewhere(cmd.ErrOrStderr(), facts)
	plan, err := f.plan(target)
	if err != nil {
		return usage(err)
	}
	f.consent.Device = f.device
	if err := loadgen.Care(target, &plan, f.consent); err != nil {
		return usage(err)
	}
	if plan.Auth, err = letIn(cmd.Context(), opened.RoundTripper, target, plan.Client); err != nil {
		return err
	}
	options := loadgen.Options{Target: target, Plan: plan, Version: version()}
	if options.Witness, err = f.witnessOf(cmd, target); err != nil {
		return usage(err)
	}
	if options.Witness != nil {
		options.Plan.Words.Decisions, options.Plan.Words.ThinkTime = "by the policy of "+f.device, "by the same policy"
	} else if options.Decider, err = deciderOf(opened); err != nil {
		return usage(err)
	}
	if opened.Approver.Nameless() {
		options.Introduce = opened.Approver.Introduce
	}
	transport, err := f.carrier(target, plan)
	if err != nil {
		return usage(err)
	}
	defer transport.CloseIdleConnections()
	if options.Calls, err = callsOf(cmd.Context(), opened, plan.Client); err != nil {
		return usage(err)
	}
	options.Transport = transport
	return f.drive(cmd, options)
}

// letIn finds out how the OP lets the client in: with which audience at which endpoint,
// and with which kind of assertion. Two requests do, and no user is asked anything. A
// client that is refused whatever it asks would load the refusals only.
func letIn(ctx context.Context, rt http.RoundTripper, t *targetfile.Target, c targetfile.Client) (func(string) ciba.Authenticator, error) {
	run, err := driver.NewRun(driver.RunOptions{Target: t, RoundTripper: rt})
	if err != nil {
		return nil, usage(err)
	}
	clients := run.Prepared([]targetfile.Client{c})
	run.TryCredentials(ctx, clients)
	if how := clients[0].Rejection(); how != "" {
		return nil, notJudged(errors.New(preflight.RefusedClient(t, c.Name, how)))
	}
	return func(endpoint string) ciba.Authenticator { return clients[0].Auth(endpoint, t.Issuer) }, nil
}

// deciderOf is who makes the users' decisions, nil when nobody known does.
func deciderOf(o *preflight.Opened) (loadgen.Decider, error) {
	switch {
	case o.Target.Approval.Kind == targetfile.ApprovalNone:
		return nil, nil
	case o.Approver.IsPerson():
		return nil, errors.New("approval.kind is manual: nobody decides that fast; use device, url, exec or none")
	}
	if !o.Approver.NamesRequest() {
		return nil, errors.New("approval: the way of deciding names the user only; " +
			"with many open requests of a user nobody would know which one was decided. " +
			"Use kind none and let the OP's own device decide")
	}
	return o.Approver, nil
}

// drive runs the load with its journal and writes the results.
func (f *loadFlags) drive(cmd *cobra.Command, o loadgen.Options) error {
	to, err := openFolder(f.out, loadArtefactNames()...)
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	defer to.Close()
	journal, err := createInPlace(to.file(loadJournalName))
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	o.Journal = result.NewLoadJournal(journal)
	metrics, stop, err := serveMetrics(cmd, f.metrics)
	if err != nil {
		return usage(err)
	}
	defer stop()
	show := newLoadProgress(cmd.ErrOrStderr(), o.Target.Issuer)
	memory := newThrift()
	o.OnWindow = func(s loadgen.Status) {
		memory.adjust()
		metrics.window(s)
		show.window(s)
	}
	keep := context.AfterFunc(cmd.Context(), func() { fmt.Fprintln(cmd.ErrOrStderr(), drainLine(o.Plan)) })
	l, err := loadgen.Run(cmd.Context(), o)
	keep()
	show.done()
	memory.release()
	err = errors.Join(err, journal.Close())
	if err != nil && l.Kind == "" {
		return notJudged(err)
	}
	if f.target == "" {
		l.Notes = append(l.Notes, "the OP, its device and the generator shared one process: CPU and memory are those of all three")
	}
	if written := f.write(cmd, l); written != nil {
		err = errors.Join(err, written)
	}
	if err != nil {
		return notJudged(err)
	}
	return concludeLoad(l)
}

// drainLine is said at the signal that interrupts a load.
func drainLine(p loadgen.Plan) string {
	return fmt.Sprintf("interrupted: no flow starts any more, and those under way may end within %s at most; "+
		"then the results are written. A second signal ends at once, without them", cmp.Or(p.Drain, loadgen.MostDrain))
}

// concludeLoad turns the end of a run into an exit code, also of one that is rendered again
// or made of parts.
func concludeLoad(l result.Load) error {
	switch {
	case l.Interrupted:
		return &exitError{code: exitInterrupted}
	case l.Verdict == result.Saturated, l.Verdict == result.Aborted, l.Verdict == result.Unjudged, l.Counters[result.CountAcknowledged] == 0:
		return &exitError{code: exitNotJudged}
	case l.Verdict == result.Missed:
		return &exitError{code: exitNonConformant}
	}
	return nil
}

func (f *loadFlags) write(cmd *cobra.Command, l result.Load) error {
	if err := writeLoad(f.out, l); err != nil {
		return err
	}
	if f.json {
		return result.WriteLoad(cmd.OutOrStdout(), l)
	}
	if err := printLoadText(cmd.OutOrStdout(), l); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", filepath.Join(f.out, "report.html"))
	return nil
}

// plan reads the flags.
func (f *loadFlags) plan(t *targetfile.Target) (loadgen.Plan, error) {
	p := loadgen.Plan{
		Duration: f.duration, Drain: f.drain, Timeout: f.timeout, UserLimit: f.userLimit, Agents: f.agents, Pause: f.pause,
		Patience: f.patience, Audience: f.audience, MaxPending: f.maxPending, MaxWorkers: f.maxWorkers, MaxLag: f.maxLag,
		Seed: f.seed, Params: map[string]string{},
	}
	p.Words = result.LoadPlan{
		Rate: f.rate, Arrivals: f.arrivals, Pollers: f.pollers,
		Decisions: f.mix, ThinkTime: f.think, Transport: f.transport, RAR: f.rar,
	}
	var errs []error
	collect := func(err error) { errs = append(errs, err) }
	collect(f.shape(&p))
	collect(f.people(&p, t))
	var err error
	p.Client, err = f.whoLoads(t)
	collect(err)
	if f.rar != "" {
		p.RAR, err = readTemplate(f.rar, f.seed)
		collect(err)
	}
	for _, text := range f.objectives {
		o, err := loadgen.ParseObjective(text)
		p.Objectives = append(p.Objectives, o)
		collect(flagError("slo", err))
	}
	for _, text := range f.aborts {
		a, err := loadgen.ParseAbort(text)
		p.Aborts = append(p.Aborts, a)
		collect(flagError("abort-on", err))
	}
	for _, text := range f.params {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			collect(fmt.Errorf("--param %q is not name=value", text))
		}
		p.Params[name] = value
	}
	if f.duration <= 0 || f.drain < 0 || f.pause < 0 || f.timeout <= 0 || f.patience <= 0 ||
		f.maxPending < 0 || f.maxWorkers < 1 || f.userLimit < 0 || f.agents < 0 {
		collect(errors.New("durations and numbers are positive"))
	}
	return p, errors.Join(errs...)
}

func flagError(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s: %w", name, err)
}

// shape reads when flows start.
func (f *loadFlags) shape(p *loadgen.Plan) error {
	var err error
	switch {
	case f.agents > 0:
		p.Words.Rate, p.Words.Arrivals = fmt.Sprintf("%d agents, pausing %s", f.agents, f.pause), "closed"
	case f.replay != "":
		p.Words.Rate, p.Words.Arrivals = filepath.Base(f.replay), "replay"
		p.Arrivals, err = readArrivals(f.replay)
	case f.arrivals == "poisson":
		random := rand.New(rand.NewPCG(uint64(f.seed), 1)) //nolint:gosec // a load needs no secrecy
		p.Arrivals, err = loadgen.ParseRate(f.rate, f.duration, random)
	case f.arrivals == "steady":
		p.Arrivals, err = loadgen.ParseRate(f.rate, f.duration, nil)
	default:
		err = fmt.Errorf("--arrivals %q is neither steady nor poisson", f.arrivals)
	}
	return err
}

// people reads how users decide and clients poll.
func (f *loadFlags) people(p *loadgen.Plan, t *targetfile.Target) error {
	var errs [4]error
	p.Mix, errs[0] = loadgen.ParseMix(f.mix)
	p.Think, errs[1] = loadgen.ParseThink(f.think)
	p.Pollers, errs[2] = parsePollers(f.pollers)
	percent, err := strconv.ParseFloat(strings.TrimSuffix(f.probes, "%"), 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		errs[3] = fmt.Errorf("--probes %q is not a share from 0%% to 100%%", f.probes)
	}
	p.Probes = percent / 100
	p.Users = t.Users
	if f.users != "" {
		if p.Users, err = readUsers(f.users); err != nil {
			return errors.Join(append(errs[:], flagError("users", err))...)
		}
	}
	return errors.Join(errs[:]...)
}

func parsePollers(text string) (loadgen.Pollers, error) {
	shape, number, _ := strings.Cut(text, ":")
	d, err := time.ParseDuration(number)
	switch {
	case text == "steady":
		return loadgen.Pollers{}, nil
	case shape == "jitter" && err == nil && d > 0:
		return loadgen.Pollers{Jitter: d}, nil
	case shape == "sync" && err == nil && d > 0:
		return loadgen.Pollers{Sync: d}, nil
	}
	return loadgen.Pollers{}, fmt.Errorf("--pollers %q is not steady, jitter:500ms or sync:5s", text)
}

func readUsers(path string) ([]targetfile.User, error) {
	data, err := readFile(path, maxUsers)
	if err != nil {
		return nil, err
	}
	var users []targetfile.User
	for line := range strings.Lines(string(data)) {
		hint, sub, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if hint != "" {
			users = append(users, targetfile.User{Name: hint, LoginHint: hint, Sub: sub})
		}
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("%s names nobody", path)
	}
	return users, nil
}

func readArrivals(path string) (loadgen.Arrivals, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, flagError("replay", err)
	}
	arrivals, err := loadgen.ReadArrivals(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("--replay %s: %w", path, err)
	}
	return arrivals, nil
}

func readTemplate(path string, seed int64) (*loadgen.Template, error) {
	data, err := readFile(path, maxInput)
	if err != nil {
		return nil, flagError("rar", err)
	}
	template, err := loadgen.NewTemplate(string(data), "load"+strconv.FormatInt(seed, 36))
	return template, flagError("rar", err)
}

// whoLoads is the client to load with, by its name or the first ordinary one of the mode.
// The generator sends no user_code, signs no request and shows no certificate, so without a
// name a client that has to is left out.
func (f *loadFlags) whoLoads(t *targetfile.Target) (targetfile.Client, error) {
	if f.mode != "" && !slices.Contains([]string{targetfile.DeliveryPoll, targetfile.DeliveryPing, targetfile.DeliveryPush}, f.mode) {
		return targetfile.Client{}, fmt.Errorf("--mode %q is not poll, ping or push", f.mode)
	}
	if f.client != "" {
		return f.clientNamed(t)
	}
	mode := cmp.Or(f.mode, targetfile.DeliveryPoll)
	for _, c := range preflight.OrdinaryClients(t.Clients, mode) {
		if !c.UserCode && c.RequestSigningAlg == "" && c.Certificate.CertFile == "" {
			return c, nil
		}
	}
	return targetfile.Client{}, fmt.Errorf("the target file has no client of delivery mode %s that needs nothing special; "+
		"the load sends plain requests, without user_code and certificate and not signed", mode)
}

func (f *loadFlags) clientNamed(t *targetfile.Target) (targetfile.Client, error) {
	for _, c := range t.Clients {
		switch {
		case c.Name != f.client:
		case c.RequestSigningAlg != "":
			return c, fmt.Errorf("--client %s signs its requests (request_signing_alg), and the load sends plain ones only; "+
				"name a client that is not registered to sign", c.Name)
		case c.Certificate.CertFile != "":
			return c, fmt.Errorf("--client %s shows a certificate, and the load shows none so far; "+
				"name a client that is registered without", c.Name)
		case f.mode != "" && c.DeliveryMode != f.mode:
			return c, fmt.Errorf("--client %s is of delivery mode %s, --mode says %s; leave one of them out", c.Name, c.DeliveryMode, f.mode)
		default:
			return c, nil
		}
	}
	return targetfile.Client{}, fmt.Errorf("--client: the target file has no client %q", f.client)
}

// carrier is the transport of the flags. It trusts what the other commands trust, and
// gives up idle connections as soon: a request that meets the closing of one is lost.
func (f *loadFlags) carrier(t *targetfile.Target, p loadgen.Plan) (loadgen.Transport, error) {
	base, err := preflight.Transport(t)
	if err != nil {
		return nil, err
	}
	o := loadgen.TransportOptions{TLS: base.TLSClientConfig, Connections: p.MaxWorkers, Timeout: p.Timeout, Idle: base.IdleConnTimeout}
	switch f.transport {
	case "http":
		return loadgen.NewTransport(o), nil
	case "fast":
		return loadgen.NewFastTransport(o), nil
	}
	return nil, fmt.Errorf("--transport %q is not http or fast", f.transport)
}

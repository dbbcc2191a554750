//go:build containers

package selftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// asked says that containers are wanted, so that a missing engine is a failure.
const asked = "CIBATEST_CONTAINERS"

// reaped names a container that a child of this test removes when the test is
// gone, however it ended.
const reaped = "CIBATEST_REAPED_CONTAINER"

func TestMain(m *testing.M) {
	if id := os.Getenv(reaped); id != "" {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent does
		if err := remove(id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// token protects the control, which listens to the network of the container.
const token = "container-token-4711"

// TestContainerReference judges the reference OP from an image made of nothing
// but our own static binary, through a mapped port.
func TestContainerReference(t *testing.T) {
	needEngine(t)
	op, control := freePort(t), freePort(t)
	issuer := fmt.Sprintf("http://127.0.0.1:%d", op)
	run(t, imageOfBinary(t),
		testcontainers.WithCmd("op", "--listen", "0.0.0.0:9001", "--control-listen", "0.0.0.0:9002", "--device-listen", "127.0.0.1:9003",
			"--issuer", issuer, "--interval", "1s", "--expires-in", "20s"),
		testcontainers.WithEnv(map[string]string{"CIBATEST_DEVICE_TOKEN": token}),
		mapped(map[string]int{"9001": op, "9002": control}), untilDiscovered("9001"))
	at := fixtures.Reference{Issuer: issuer, Control: fmt.Sprintf("http://127.0.0.1:%d", control), HasToken: true}
	text, err := fixtures.ReferenceTarget(at)
	must(t, err)
	env := targetfile.Env{FS: fixtures.Tree(), Lookup: func(string) (string, bool) { return token, true }}
	tgt, err := targetfile.Parse("reference.yaml", text, env)
	must(t, err)
	judgeContainer(t, tgt)
}

// TestContainerNamed judges any image by any target file:
//
//	CIBATEST_IMAGE=quay.io/keycloak/keycloak:26.3 CIBATEST_IMAGE_CMD='start-dev --import-realm' CIBATEST_TARGET=keycloak.yaml make test-containers
//
// The issuer's port is mapped to the container's port CIBATEST_IMAGE_PORT, the
// same one by default; variables that begin with CIBATEST_IMAGE_ENV_ are handed in.
func TestContainerNamed(t *testing.T) {
	image := os.Getenv("CIBATEST_IMAGE")
	if image == "" {
		t.Skip("CIBATEST_IMAGE names no image")
	}
	needEngine(t)
	tgt, err := targetfile.Load(os.Getenv("CIBATEST_TARGET"))
	if err != nil {
		t.Fatalf("CIBATEST_IMAGE needs a target file in CIBATEST_TARGET: %v", err)
	}
	issuer, err := url.Parse(tgt.Issuer)
	must(t, err)
	var outside int
	if _, err := fmt.Sscan(issuer.Port(), &outside); err != nil {
		t.Fatalf("the issuer %s names no port to map", tgt.Issuer)
	}
	inside := issuer.Port()
	if port := os.Getenv("CIBATEST_IMAGE_PORT"); port != "" {
		inside = port
	}
	run(t, testcontainers.WithImage(image), testcontainers.WithEnv(imageEnv()),
		testcontainers.WithCmd(strings.Fields(os.Getenv("CIBATEST_IMAGE_CMD"))...),
		mapped(map[string]int{inside: outside}),
		testcontainers.WithWaitStrategyAndDeadline(3*time.Minute,
			wait.ForHTTP(strings.TrimSuffix(issuer.Path, "/")+"/.well-known/openid-configuration").WithPort(inside+"/tcp")))
	judgeContainer(t, tgt)
}

func imageEnv() map[string]string {
	env := map[string]string{}
	for _, setting := range os.Environ() {
		name, value, _ := strings.Cut(setting, "=")
		if inner, ok := strings.CutPrefix(name, "CIBATEST_IMAGE_ENV_"); ok {
			env[inner] = value
		}
	}
	return env
}

func judgeContainer(t *testing.T, tgt *targetfile.Target) {
	t.Helper()
	transport, err := preflight.Transport(tgt)
	must(t, err)
	defer transport.CloseIdleConnections()
	approver, err := approve.New(tgt.Approval, approve.Options{RoundTripper: transport})
	must(t, err)
	defer func() { _ = approver.Close() }()
	judged, err := suites.Run(t.Context(), suites.Options{Target: tgt, Approver: approver, RoundTripper: transport, Tool: result.Tool{Name: "cibatest", Version: "test"}})
	must(t, err)
	for _, c := range judged.Cases {
		if c.Outcome == result.Fail || c.Outcome == result.Error {
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
	t.Logf("verdict %s, %+v, wall %d ms", judged.Verdict, judged.Summary, judged.Timing.WallMS)
}

// needEngine skips without an engine, or fails when containers were asked for.
func needEngine(t *testing.T) {
	t.Helper()
	err := ping(t.Context())
	switch {
	case err == nil:
	case os.Getenv(asked) != "":
		t.Fatalf("containers were asked for, but no engine answers: %v", err)
	default:
		t.Skipf("no container engine answers: %v", err)
	}
}

func ping(ctx context.Context) error {
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	_, err = engine.Ping(ctx, client.PingOptions{})
	return err
}

// run starts a container that is gone when the test is over, and also when the
// test is killed.
func run(t *testing.T, options ...testcontainers.ContainerCustomizer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	reap := testcontainers.ContainerLifecycleHooks{PostCreates: []testcontainers.ContainerHook{
		func(_ context.Context, c testcontainers.Container) error { return startReaper(t, c.GetContainerID()) },
	}}
	options = append(options, testcontainers.WithAdditionalLifecycleHooks(reap))
	c, err := testcontainers.Run(ctx, "", options...)
	testcontainers.CleanupContainer(t, c)
	must(t, err)
}

// startReaper starts this program again as the one that removes the container
// when its standard input ends. It has a session of its own, so that an
// interrupt at the terminal does not reach it.
func startReaper(t *testing.T, id string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	reaper := exec.Command(self)
	reaper.Env = append(os.Environ(), reaped+"="+id)
	reaper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := reaper.StdinPipe()
	if err != nil {
		return err
	}
	if err := reaper.Start(); err != nil {
		return err
	}
	t.Cleanup(func() {
		_ = alive.Close()
		if err := reaper.Wait(); err != nil {
			t.Errorf("removing container %.12s: %v", id, err)
		}
	})
	return nil
}

// remove removes a container, and its image when the test had it built. That it
// is gone already is fine.
func remove(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	known, err := engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil
	}
	_, err = engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if strings.HasPrefix(known.Container.Config.Image, imageName) {
		_, imageErr := engine.ImageRemove(ctx, known.Container.Config.Image, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		err = errors.Join(err, imageErr)
	}
	return err
}

const imageName = "cibatest-op"

// imageOfBinary builds an image from scratch that holds a static cibatest.
func imageOfBinary(t *testing.T) testcontainers.CustomizeRequestOption {
	t.Helper()
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(folder, "cibatest"), "github.com/cibatest/cibatest/cmd/cibatest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	recipe := "FROM scratch\nCOPY cibatest /cibatest\nENTRYPOINT [\"/cibatest\"]\n"
	must(t, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(recipe), 0o600))
	return testcontainers.WithDockerfile(testcontainers.FromDockerfile{Context: folder, Repo: imageName, Tag: fmt.Sprint(os.Getpid())})
}

// mapped maps ports of the container to ports of loopback.
func mapped(ports map[string]int) testcontainers.CustomizeRequestOption {
	return func(r *testcontainers.GenericContainerRequest) error {
		bindings := network.PortMap{}
		for inside, outside := range ports {
			port, err := network.ParsePort(inside + "/tcp")
			if err != nil {
				return err
			}
			r.ExposedPorts = append(r.ExposedPorts, inside+"/tcp")
			bindings[port] = []network.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: fmt.Sprint(outside)}}
		}
		return testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.PortBindings = bindings })(r)
	}
}

func untilDiscovered(port string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/.well-known/openid-configuration").WithPort(port+"/tcp"))
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/baseline"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// hostileOP publishes what a test wants it to and writes down every path it was asked.
type hostileOP struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newHostileOP(t *testing.T, publish func(url string) map[string]any) *hostileOP {
	t.Helper()
	o := &hostileOP{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked = append(o.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		o.mu.Unlock()
		document := map[string]any{
			"issuer": o.URL, "token_endpoint": o.URL + "/token", "backchannel_authentication_endpoint": o.URL + "/start",
			"jwks_uri": o.URL + "/keys", "keys": []any{map[string]any{"kty": "OKP"}},
		}
		maps.Copy(document, publish(o.URL))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *hostileOP) log() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.asked, "\n")
}

// A target file made by init reads nothing of this machine but what it asks for: the
// OP cannot have a variable sent to it by publishing its name.
func TestInitThenCheckTellsTheOPNothing(t *testing.T) {
	t.Setenv("CIBATEST_CANARY", "canary-4711")
	t.Setenv("CIBA_CLIENT_A_SECRET", "not-a-real-secret-a")
	t.Setenv("CIBA_CLIENT_B_SECRET", "not-a-real-secret-b")
	o := newHostileOP(t, func(url string) map[string]any {
		return map[string]any{
			"issuer": url + "/x/${env:CIBATEST_CANARY}", "authorization_details_types_supported": []string{"${env:CIBATEST_CANARY}"},
			"userinfo_endpoint": url + "/${env:CIBATEST_CANARY}",
		}
	})
	file := filepath.Join(t.TempDir(), "t.yaml")
	if code, _, errOut := called(t, "init", o.URL, "--out", file); code != exitOK {
		t.Fatalf("init: exit %d: %s", code, errOut)
	}
	_, out, errOut := called(t, "check", file)
	if all := out + errOut + o.log(); strings.Contains(all, "canary-4711") || !strings.Contains(out, "the OP calls itself") {
		t.Errorf("got %s", all)
	}
}

// Credentials go to no host that only the OP vouches for.
func TestCheckKeepsCredentialsHome(t *testing.T) {
	t.Parallel()
	other := newHostileOP(t, func(string) map[string]any { return nil })
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/token"
	o := newHostileOP(t, func(string) map[string]any { return map[string]any{"token_endpoint": elsewhere} })
	file := written(t, "t.yaml", strings.Replace(unreachable, "http://127.0.0.1:9", o.URL, 1))
	code, out, _ := called(t, "check", file)
	if code != exitUsage || !strings.Contains(out, "endpoints.token") {
		t.Errorf("exit %d: %s", code, out)
	}
	if seen := o.log() + other.log(); strings.Contains(seen, "Basic") || other.log() != "" {
		t.Errorf("the OPs saw %s", seen)
	}
}

// Whoever drives a flow by hand is told where the credentials go.
func TestAuthorizeTellsWhereCredentialsGo(t *testing.T) {
	t.Parallel()
	o := newHostileOP(t, func(url string) map[string]any {
		return map[string]any{"token_endpoint": strings.Replace(url, "127.0.0.1", "localhost", 1) + "/token"}
	})
	file := written(t, "t.yaml", "issuer: "+o.URL+"\nclients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: s}]\n"+
		"users: [{login_hint: alice}]\n")
	if _, _, errOut := called(t, "authorize", "--target", file); !strings.Contains(errOut, "token_endpoint is not at the issuer's host") {
		t.Errorf("got %s", errOut)
	}
}

func TestInitIssuerIsUsage(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"op.example.com", "https://op.example.com/${env:HOME}", ""} {
		if code, _, errOut := called(t, "init", issuer); code != exitUsage || strings.Contains(errOut, "goroutine") {
			t.Errorf("%q: exit %d: %s", issuer, code, errOut)
		}
	}
}

// A private certificate is trusted from the first command on.
func TestInitWithCertificate(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	caFile := written(t, "ca.pem", string(l.CertificatePEM))
	code, out, errOut := called(t, "init", l.Issuer+"/.well-known/openid-configuration", "--ca-file", caFile)
	if code != exitOK || !strings.Contains(out, caFile) || !strings.Contains(out, "issuer: \""+l.Issuer+"\"") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if code, _, errOut := called(t, "init", l.Issuer); code != exitNotJudged || !strings.Contains(errOut, "not trusted") {
		t.Errorf("without it: exit %d: %s", code, errOut)
	}
}

// The binary reaches an OP as preflight.Transport says, and so does the ginkgo command;
// suites has the same test.
func TestBinaryReachesTheOPAsGinkgoDoes(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	config := targetfile.TLS{CAFile: written(t, "ca.pem", string(l.CertificatePEM))}
	file := written(t, "t.yaml", strings.Replace(unreachable, "http://127.0.0.1:9", l.Issuer+"\ntls: {ca_file: "+config.CAFile+"}", 1))
	opened, err := openTarget(&cobra.Command{}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if _, err := preflight.Gather(t.Context(), opened.RoundTripper, opened.Target); err != nil {
		t.Errorf("the OP of the target file is not reached: %v", err)
	}
	want, err := preflight.Transport(&targetfile.Target{TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := opened.RoundTripper.(*http.Transport)
	if got == nil || got.IdleConnTimeout != want.IdleConnTimeout || got.DisableCompression != want.DisableCompression ||
		got.MaxIdleConnsPerHost != want.MaxIdleConnsPerHost {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What is known of a product lies beside the first target file, and is a baseline.
func TestInitWithBaseline(t *testing.T) {
	t.Parallel()
	tenant := newHostileOP(t, func(url string) map[string]any {
		return map[string]any{"backchannel_authentication_endpoint": url + "/bc-authorize", "mfa_challenge_endpoint": url + "/mfa/challenge"}
	})
	anybody := newHostileOP(t, func(string) map[string]any { return nil })
	dir := t.TempDir()
	if code, _, errOut := called(t, "init", tenant.URL, "--out", filepath.Join(dir, "op.yaml"), "--baseline"); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	known, err := baseline.Load(filepath.Join(dir, baselineName), time.Now())
	if err != nil || len(known.Known) == 0 {
		t.Errorf("%+v, %v", known, err)
	}
	if code, _, errOut := called(t, "init", tenant.URL, "--out", filepath.Join(dir, "other.yaml"), "--baseline"); code != exitUsage {
		t.Errorf("a baseline that is there: exit %d: %s", code, errOut)
	}
	dir = t.TempDir()
	code, _, errOut := called(t, "init", anybody.URL, "--out", filepath.Join(dir, "op.yaml"), "--baseline")
	if _, err := os.Stat(filepath.Join(dir, baselineName)); code != exitOK || err == nil || !strings.Contains(errOut, "nothing is known") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, _ := called(t, "init", tenant.URL, "--baseline"); code != exitUsage {
		t.Errorf("without --out: exit %d", code)
	}
}

// The baselines that are shipped name clauses and cases that there are.
func TestShippedBaselines(t *testing.T) {
	t.Parallel()
	for _, product := range targetfile.Personas() {
		text, err := fixtures.Baseline(product)
		if err != nil {
			continue // nothing is known of this one
		}
		known, err := baseline.Parse(product, text, time.Now())
		if err != nil {
			t.Errorf("%s: %v", product, err)
			continue
		}
		for _, e := range known.Known {
			for _, name := range []string{e.Case, e.Requirement} {
				if name != "" && !slices.Contains(suites.Names(), name) {
					t.Errorf("%s: there is no %s", product, name)
				}
			}
			if e.Clause == "" || e.Reason == "" {
				t.Errorf("%s: %s has no clause or no reason", product, e.Case+e.Requirement)
			}
		}
	}
}

// A budget is a number of prompts.
func TestBudgetIsANumber(t *testing.T) {
	t.Parallel()
	if code, _, errOut := called(t, "conform", "--budget", "-1"); code != exitUsage || !strings.Contains(errOut, "number of prompts") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

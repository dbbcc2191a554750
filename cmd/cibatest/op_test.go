package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/opfile"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// standInAt is an OP in a process of its own, with the addresses and files that it printed.
type standInAt map[string]string

var printedLine = regexp.MustCompile(`(?m)^(?:export (\w+)="([^"]*)".*|(\w+)\s+(\S+))$`)

// startStandIn runs the OP with a configuration folder, as a stranger would.
func startStandIn(t *testing.T, config string, args ...string) standInAt {
	t.Helper()
	cmd := process(t, append([]string{"op", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+config, "HOME="+config, "SSL_CERT_FILE=")
	at := standInAt{}
	for _, found := range printedLine.FindAllStringSubmatch(begun(t, cmd, "export JAVA_TOOL_OPTIONS"), -1) {
		at[found[1]+found[3]] = found[2] + found[4]
	}
	return at
}

// client trusts what a program trusts that is told by a variable.
func (at standInAt) client(t *testing.T, variable string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(t, at[variable])) {
		t.Fatalf("%s has no certificates", at[variable])
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// exchanged sends a form or JSON and reads the answer.
func exchanged(t *testing.T, client *http.Client, address, media, body string) (status int, answer map[string]any) {
	t.Helper()
	resp, err := client.Post(address, media, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(text, &answer) // a decision is answered without a body
	return resp.StatusCode, answer
}

// A whole flow as an SDK goes through it: over TLS by the names that are printed, with a hint of
// iss and sub, a type and an API that nobody has registered, a poll in JSON, and a decision.
func TestStandInFromStartToToken(t *testing.T) {
	t.Parallel()
	config, dir := t.TempDir(), t.TempDir()
	at := startStandIn(t, config, "--persona", "auth0", "--write-target", dir)
	issuer := at["issuer"]
	if !regexp.MustCompile(`^https://localhost:\d+/$`).MatchString(issuer) {
		t.Fatalf("the issuer is %q", issuer)
	}
	client := at.client(t, "REQUESTS_CA_BUNDLE")
	const form, asJSON = "application/x-www-form-urlencoded", "application/json"
	status, ack := exchanged(t, client, issuer+"bc-authorize", form, url.Values{
		"client_id": {"my-agent"}, "client_secret": {"my-secret"}, "scope": {"openid stock:trade"}, "binding_message": {"Buy 10 NVDA?"},
		"audience": {"https://my.api"}, "authorization_details": {`[{"type":"purchase","amount":5}]`},
		"login_hint": {fmt.Sprintf(`{"format": "iss_sub", "iss": %q, "sub": "auth0|me"}`, issuer)},
	}.Encode())
	if status != http.StatusOK {
		t.Fatalf("start: %d %v", status, ack)
	}
	id := ack["auth_req_id"].(string)
	if status, _ = exchanged(t, client, at["control"]+"/decision?action=allow&auth_req_id="+id, form, ""); status != http.StatusNoContent {
		t.Fatalf("the decision is answered %d", status)
	}
	status, tokens := exchanged(t, client, issuer+"oauth/token", asJSON, fmt.Sprintf(
		`{"client_id":"my-agent","client_secret":"my-secret","grant_type":"urn:openid:params:grant-type:ciba","auth_req_id":%q}`, id))
	if status != http.StatusOK {
		t.Fatalf("redeem: %d %v", status, tokens)
	}
	access, err := jose.Decode(tokens["access_token"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if audience, _ := access.Claims["aud"].([]any); len(audience) != 2 || audience[0] != "https://my.api" || access.Claims["authorization_details"] == nil {
		t.Errorf("the access token says %v", access.Claims)
	}
	target := filepath.Join(dir, "targets", "reference.yaml")
	if code, out, errOut := called(t, "check", target); code != exitOK {
		t.Errorf("the target file that was written: exit %d\n%s%s", code, out, errOut)
	}
}

// The authority stays the same, is only its user's to read, and is known by each of the files.
func TestStandInKeepsItsAuthority(t *testing.T) {
	t.Parallel()
	config := t.TempDir()
	first := startStandIn(t, config, "--persona", "auth0")
	second := startStandIn(t, config, "--persona", "keycloak", "--tls")
	if first["NODE_EXTRA_CA_CERTS"] != second["NODE_EXTRA_CA_CERTS"] || !strings.HasPrefix(first["ca"], config) {
		t.Errorf("the authority is at %q and %q", first["NODE_EXTRA_CA_CERTS"], second["NODE_EXTRA_CA_CERTS"])
	}
	for path, want := range map[string]os.FileMode{first["ca"] + ".key": 0o600, filepath.Dir(first["ca"]): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
	store, err := pkcs12.DecodeTrustStore(read(t, first["java"]), pkcs12.DefaultPassword)
	if err != nil || len(store) != 1 || !store[0].IsCA {
		t.Errorf("the trust store has %d certificates: %v", len(store), err)
	}
	for _, variable := range []string{"NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"} {
		for _, at := range []standInAt{first, second} {
			client := at.client(t, variable)
			for _, address := range []string{at["issuer"], strings.Replace(at["issuer"], "localhost", "127.0.0.1", 1)} {
				resp, err := client.Get(strings.TrimSuffix(address, "/") + "/.well-known/openid-configuration")
				if err != nil {
					t.Errorf("by %s: %v", variable, err)
					continue
				}
				_ = resp.Body.Close()
			}
		}
	}
}

// With a certificate of one's own nothing is kept, and nothing is printed to trust.
func TestStandInShowsACertificateOfOnesOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority, err := notify.OwnAuthority(filepath.Join(dir, "own.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.pem.key")
	cmd := process(t, "op", "--persona", "auth0", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+dir, "HOME="+dir)
	if printed := begun(t, cmd, "phone"); !strings.Contains(printed, "issuer   https://localhost:") {
		t.Errorf("it printed %s", printed)
	}
	if _, err := os.Stat(filepath.Join(dir, "cibatest")); err == nil || len(authority.PEM) == 0 {
		t.Error("an authority was kept all the same")
	}
}

// A registration that is brought is what the OP knows, down to the schema of a type, and the
// target file that describes it is a good one.
func TestRegistrationOfOnesOwn(t *testing.T) {
	t.Parallel()
	file := written(t, "op.yaml", `
clients:
  - {client_id: agent, client_secret: agent-secret-1}
  - {client_id: other, client_secret: other-secret-2}
users: [{sub: u-1, login_hints: [ada], email: ada@users.example}]
apis:
  - identifier: https://bank.example
    scopes: [pay]
    rar_types: {payment: {schema: {required: [amount]}}}
`)
	dir := t.TempDir()
	cmd := process(t, "op", "--registration", file, "--write-target", dir, "--interval", "1s")
	at := standInAt{}
	for _, found := range addresses.FindAllStringSubmatch(begun(t, cmd, "phone"), -1) {
		at[found[1]] = found[2]
	}
	target := filepath.Join(dir, "targets", "reference.yaml")
	if code, out, errOut := called(t, "check", "--flow", target); code != exitOK {
		t.Errorf("check --flow: exit %d\n%s%s", code, out, errOut)
	}
	out := filepath.Join(dir, "out")
	code, printed, errOut := called(t, "conform", "--target", target, "--out", out, "metadata-issuer", "rar-unknown-type", "rar-returned", "rar-jwt-claim")
	if code != exitOK {
		t.Errorf("conform: exit %d\n%s%s", code, printed, errOut)
	}
}

// What cannot be is told before anything listens.
func TestOPIsStartedWrongly(t *testing.T) {
	t.Parallel()
	bad := written(t, "op.yaml", "clients: []\ncolour: red\n")
	for says, args := range map[string][]string{
		"there are auth0, keycloak": {"--persona", "auth1"},
		"it has binding_message":    {"--persona", "auth0", "--option", "nonsense=1"},
		"lenient or documented":     {"--persona", "auth0", "--option", "binding_message=strict"},
		"--option is for a persona": {"--registration", written(t, "a.yaml", "open: [clients, users]"), "--option", "latency=none"},
		"op.yaml:2:1: colour":       {"--registration", bad},
		"auth0 has poll only": {"--persona", "auth0", "--registration", written(t, "b.yaml",
			"open: [users]\nclients: [{client_id: a, client_secret: b, delivery_mode: ping, notification_endpoint: 'https://a.example'}]")},
		"no such file":                             {"--registration", "nowhere.yaml"},
		"come together":                            {"--persona", "auth0", "--tls-cert", "a.pem"},
		"--tls-cert and --tls-key: open nowhere":   {"--persona", "auth0", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"},
		"--print-registration is for a --persona":  {"--print-registration"},
		"--policy is not hold, approve, deny or a": {"--policy", "nowhere.yaml"},
		"--open is true or false":                  {"--persona", "auth0", "--open=maybe"},
		"--interval -5s: ":                         {"--interval", "-5s"},
		"--expires-in -1m0s: ":                     {"--expires-in", "-1m"},
		`--issuer "op.example" is not an http`:     {"--issuer", "op.example"},
		"neither query nor fragment":               {"--issuer", "https://op.example/?a"},
		`--receiver "ftp://a" is not an http`:      {"--receiver", "ftp://a"},
		"for the device in this process":           {"--device", "http://127.0.0.1:1", "--policy", "deny"},
		"--tls=false has no use for":               {"--tls=false", "--tls-cert", "a", "--tls-key", "b"},
		"a name of letters":                        {"--persona", "keycloak", "--option", "realm=../x"},
		"'cibatest op --faults' lists them":        {"--fault", "nope"},
		"'cibatest op --variants' lists them":      {"--variant", "nope"},
		"--ca-dir names another folder":            {"--persona", "auth0", "--ca-dir", bad},
		"--write-target: mkdir":                    {"--write-target", bad},
	} {
		code, out, errOut := called(t, append([]string{"op", "--listen", "127.0.0.1:0", "--ca-dir", t.TempDir()}, args...)...)
		if code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errOut)
		}
	}
}

// Starts at the same moment make one authority.
func TestOneAuthorityIsMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	var made [8]lab.Options
	for i := range made {
		all.Go(func() {
			if _, err := (opTLS{caDir: dir}).settle(&made[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, o := range made {
		if string(o.Authority) != string(made[0].Authority) {
			t.Error("there is a second authority")
		}
	}
}

// The port of a persona may be taken, by another stand-in as a rule.
func TestTakenPortIsTold(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, _, errOut := called(t, "op", "--persona", "auth0", "--ca-dir", t.TempDir(), "--listen", taken.Addr().String())
	if code != exitUsage || !strings.Contains(errOut, "--listen 127.0.0.1:0") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

// What a persona begins with is printed such that it can be brought again.
func TestPrintedRegistrationIsARegistration(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"auth0", "keycloak"} {
		code, printed, errOut := called(t, "op", "--persona", name, "--print-registration")
		if code != exitOK || !strings.Contains(printed, "# - {client_id: agent-jwt") {
			t.Fatalf("%s: exit %d, %s%s", name, code, printed, errOut)
		}
		file, err := opfile.Load(written(t, "registration.yaml", printed))
		if err != nil || file.Persona != name || len(file.Registration.Clients) < 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for flag, says := range map[string]string{"--personas": "--option expired=", "--schema": `"unknown_users"`} {
		if code, printed, _ := called(t, "op", flag); code != exitOK || !strings.Contains(printed, says) {
			t.Errorf("%s: exit %d, %s", flag, code, printed)
		}
	}
}

// A stand-in beyond loopback is known by the host of its issuer.
func TestCertifiedHosts(t *testing.T) {
	t.Parallel()
	got := strings.Join(certifiedHosts(&lab.Options{OPListen: "10.0.0.7:9443", Issuer: "https://tenant.test/"}), " ")
	if got != "10.0.0.7 127.0.0.1 ::1 localhost tenant.test" {
		t.Errorf("certified are %s", got)
	}
	if got := strings.Join(certifiedHosts(&lab.Options{OPListen: "0.0.0.0:9443"}), " "); got != "127.0.0.1 ::1 localhost" {
		t.Errorf("certified are %s", got)
	}
}

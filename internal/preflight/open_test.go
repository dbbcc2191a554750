package preflight

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/yamlfile"
)

const smallTarget = `issuer: https://127.0.0.1:1
clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: not-a-real-secret}]
users: [{login_hint: alice}]
`

// What is opened reaches the OP as the target file says.
func TestOpen(t *testing.T) {
	t.Parallel()
	url, caFile, _ := secureServer(t)
	opened, err := Open(written(t, "t.yaml", smallTarget+"tls: {ca_file: "+caFile+"}\n"), Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := get(t, opened.RoundTripper, url); err != nil {
		t.Error(err)
	}
	transport, _ := opened.RoundTripper.(*http.Transport)
	if transport == nil || transport.IdleConnTimeout != idleConnection || !transport.DisableCompression {
		t.Errorf("got %+v, want what Transport makes", transport)
	}
	if opened.Target.Issuer != "https://127.0.0.1:1" || opened.Approver == nil {
		t.Errorf("got %+v", opened)
	}
}

func TestOpenNamesTheMistake(t *testing.T) {
	t.Parallel()
	var problems yamlfile.Problems
	if _, err := Open(written(t, "t.yaml", "issuer: 5"), Terminal{}); !errors.As(err, &problems) {
		t.Errorf("got %v, want the problems of the file", err)
	}
	for extra, want := range map[string]string{
		"tls: {ca_file: nowhere.pem}\n":                                 "tls.ca_file",
		"approval: {kind: device, observe: {listen: 'nowhere:port'}}\n": "approval.observe.listen",
	} {
		if _, err := Open(written(t, "t.yaml", smallTarget+extra), Terminal{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a complaint about %s", extra, err, want)
		}
	}
}

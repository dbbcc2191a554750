package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/memnet"
)

// Who checks certificates calls no impostor and is served as before afterwards; who does not
// check them calls every one.
func TestImpostors(t *testing.T) {
	t.Parallel()
	authority, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	config, err := authority.Config("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), Options{TLS: config, Authority: authority, Listen: ListenTCP("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.PEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	at := endpoint(t, r, "ping-a")
	inbox := r.Expect("token", 0)
	call(t, transport, http.MethodPost, at, "token", "{}")
	impostors, err := r.Impostors()
	if err != nil || len(impostors) != 2 {
		t.Fatalf("%d impostors, %v, want 2", len(impostors), err)
	}
	for _, impostor := range impostors {
		back, err := r.Pose(t.Context(), impostor)
		if err != nil {
			t.Fatal(err)
		}
		before := inbox.Count()
		call(t, transport, http.MethodPost, at, "token", "{}") // on a connection that was kept, it may be
		careful, _ := call(t, transport, http.MethodPost, at, "token", "{}")
		seen := inbox.Count()
		if careful != 0 || seen != before {
			t.Errorf("%s: who checks is answered %d, want no call", impostor.What, careful)
		}
		careless := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		if status, _ := call(t, careless, http.MethodPost, at, "token", "{}"); status != 204 {
			t.Errorf("%s: who does not check is answered %d, want 204", impostor.What, status)
		}
		if err := back(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, _ := call(t, transport, http.MethodPost, at, "token", "{}"); status != 204 {
			t.Errorf("after %s the endpoint answers %d, want 204", impostor.What, status)
		}
	}
	if r.Broken().Count < 2 {
		t.Errorf("%d connections were given up, want two", r.Broken().Count)
	}
}

// Some callers look at the host name when the handshake is over. A connection that carries a
// call is none of these.
func TestLateDistrust(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		defer network.Close()
		authority, err := NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		config, err := authority.Config("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), Options{TLS: config, Listen: func(context.Context) (net.Listener, error) { return network.Listen("127.0.0.1:1"), nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for i, words := range []string{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ""} {
			plain, err := network.Dial(t.Context(), "tcp", "127.0.0.1:1")
			if err != nil {
				t.Fatal(err)
			}
			conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
			if err := conn.Handshake(); err != nil {
				t.Fatal(err)
			}
			if words != "" {
				_, _ = io.WriteString(conn, words)
				_, _ = io.Copy(io.Discard, conn)
			}
			_ = conn.Close()
			time.Sleep(10 * time.Second) // in which a pipe without a buffer tells the other side
			if got := r.Broken().Count; got != i {
				t.Errorf("after the words %q %d connections are broken, want %d", words, got, i)
			}
		}
	})
}

func TestNoImpostors(t *testing.T) {
	t.Parallel()
	r, err := Open(t.Context(), Options{Listen: ListenTCP("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if list, err := r.Impostors(); err != nil || len(list) != 0 {
		t.Errorf("over plain HTTP there are %d impostors, %v", len(list), err)
	}
}

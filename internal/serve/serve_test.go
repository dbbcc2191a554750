package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestBeyondLoopbackATokenIsNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address, token string
		open           bool
	}{
		{"127.0.0.1:0", "", true},
		{"localhost:0", "", true},
		{"LOCALHOST:0", "", true},
		{"[::1]:0", "", true},
		{"0.0.0.0:0", "tok", true},
		{"0.0.0.0:0", "", false},
		{":0", "", false},
		{"[::]:0", "", false},
		{"op.localhost:0", "", false},
		{"127.1:0", "", false},
		{"2130706433:0", "", false},
		{"192.0.2.1:0", "", false},
	} {
		t.Run(c.address+c.token, func(t *testing.T) {
			t.Parallel()
			listener, err := Listen(t.Context(), c.address, c.token)
			if err == nil {
				defer listener.Close()
			}
			if c.open && errors.Is(err, ErrOpen) || !c.open && !errors.Is(err, ErrOpen) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Listen(t.Context(), "127.0.0.1", ""); err == nil || errors.Is(err, ErrOpen) {
		t.Errorf("an address without a port: %v", err)
	}
}

// A page whose name was made to point here sends its name as Host, and no header that
// tells it from another client.
func TestAStrangersNameIsNotServed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, token, bearer string
		want                int
	}{
		{"127.0.0.1:9003", "", "", 200},
		{"localhost:9003", "", "", 200},
		{"[::1]:9003", "", "", 200},
		{"LocalHost", "", "", 200},
		{"phone.lan:9003", "", "", 200},
		{"Phone.LAN", "", "", 200},
		{"evil.test:9003", "", "", 403},
		{"localhost.evil.test", "", "", 403},
		{"127.0.0.1.evil.test", "", "", 403},
		{"evil.localhost:9003", "", "", 403},
		{"", "", "", 403},
		{"0.0.0.0:9003", "", "", 403},
		{"other.phone.lan", "", "", 403},
		{"anywhere.test", "tok", "Bearer tok", 200},
		{"127.0.0.1", "tok", "Bearer to", 401},
		{"127.0.0.1", "tok", "", 401},
		{"127.0.0.1", "tok", "tok", 401},
	} {
		t.Run(fmt.Sprint(c.host, c.token, c.bearer), func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/decision", nil)
			r.Host = c.host
			if c.bearer != "" {
				r.Header.Set("Authorization", c.bearer)
			}
			w := httptest.NewRecorder()
			Guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), c.token, []string{"phone.lan"}).ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
		})
	}
}

// started serves on loopback with short patience.
func started(t *testing.T, handler http.HandlerFunc) net.Conn {
	t.Helper()
	listener, err := Listen(t.Context(), "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	s := server(handler, 200*time.Millisecond, 200*time.Millisecond)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(func() { _ = s.Close() })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func TestASlowBodyIsGivenUp(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	conn := started(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	if err := <-read; err == nil {
		t.Error("the body was read to its end")
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection is still open: %v", err)
	}
}

func TestAnIdleConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	conn := started(t, func(http.ResponseWriter, *http.Request) {})
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection is still open: %v", err)
	}
}

// An answer that waits for a person outlives the patience for the question.
func TestASlowAnswerIsNotCutOff(t *testing.T) {
	t.Parallel()
	conn := started(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		}
	})
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("got %d", resp.StatusCode)
	}
}

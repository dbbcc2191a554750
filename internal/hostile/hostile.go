// Package hostile is an OP that means harm: a server that answers too much, too
// slowly, or in forms that no reader expects. Tests hold each reader of foreign
// answers against all of its [Modes]. It writes on the bare connection, so that
// nothing corrects what it sends, and no command uses it.
package hostile

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Mode is one way to do harm.
type Mode struct {
	Name string

	// Slow says that the mode costs its reader time rather than memory: it ends when
	// the reader loses its patience.
	Slow bool

	// Answer writes whatever it likes in place of an answer. The connection is closed
	// after it. A write fails when the reader has gone or the test is over.
	Answer func(c *Conn)
}

// Conn is the connection that an answer is written to.
type Conn struct {
	net.Conn
	Request *http.Request // its body has been read
	over    <-chan struct{}
}

// say writes a text and reports whether the reader took it.
func (c *Conn) say(text string) bool {
	_, err := io.WriteString(c, text)
	return err == nil
}

// flood writes a text over and over, as many times as said or for as long as it is read.
func (c *Conn) flood(text string, times int) bool {
	block, blocks := text, times
	if n := (32 << 10) / len(text); n > 1 && times > n { // a few large writes cost less
		block, blocks = strings.Repeat(text, n), times/n
	}
	for range blocks {
		if !c.say(block) {
			return false
		}
	}
	return true
}

// drip writes a text over and over, with a pause after each.
func (c *Conn) drip(text string) {
	for c.say(text) && c.pause(100*time.Millisecond) {
	}
}

// stall keeps the connection open and writes nothing until the reader has gone.
func (c *Conn) stall() {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = c.Read(make([]byte, 1))
	}()
	select {
	case <-gone:
	case <-c.over:
	}
}

// pause reports whether the test still goes on after a while.
func (c *Conn) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.over:
		return false
	}
}

// Server answers in one mode.
type Server struct {
	URL string

	mode      Mode
	everybody bool
	over      chan struct{}
	serving   sync.WaitGroup
	requests  atomic.Int64
}

// Requests is how many requests came so far, those included that were not read whole.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Start runs a server on loopback until the test is over. Its discovery document is
// that of an ordinary OP, so that a command gets as far as its first flow, unless
// everybody is to meet the mode, who reads discovery as well.
func Start(t testing.TB, mode Mode, everybody bool) *Server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), mode: mode, everybody: everybody, over: make(chan struct{})}
	s.serving.Go(func() { s.accept(listener) })
	t.Cleanup(func() {
		close(s.over)
		_ = listener.Close()
		s.serving.Wait()
	})
	return s
}

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() { s.serve(conn) })
	}
}

// serve answers one request and closes.
func (s *Server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-s.over:
			_ = conn.Close()
		case <-stop:
		}
	}()
	s.requests.Add(1)
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, request.Body)
	if strings.Contains(request.URL.Path, "/.well-known/") && !s.everybody {
		_, _ = io.WriteString(conn, whole(s.metadata()))
		return
	}
	s.mode.Answer(&Conn{Conn: conn, Request: request, over: s.over})
}

// metadata is the discovery document of an ordinary OP.
func (s *Server) metadata() string {
	document, _ := json.Marshal(map[string]any{
		"issuer": s.URL, "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/jwks",
		"backchannel_authentication_endpoint":        s.URL + "/start",
		"backchannel_token_delivery_modes_supported": []string{"poll"},
		"grant_types_supported":                      []string{"urn:openid:params:grant-type:ciba"},
		"id_token_signing_alg_values_supported":      []string{"RS256"},
		"token_endpoint_auth_methods_supported":      []string{"client_secret_basic"},
		"backchannel_user_code_parameter_supported":  false,
		"authorization_details_types_supported":      []string{},
	})
	return string(document)
}

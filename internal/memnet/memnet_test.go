package memnet

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleepingServerCostsNoTime(t *testing.T) {
	t.Parallel()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		n := New()
		defer n.Close()
		n.Serve("op.example:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Hour)
			_, _ = io.WriteString(w, "late")
		}))
		client := &http.Client{Transport: n.RoundTripper()}
		start := time.Now()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://op.example/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if string(body) != "late" || time.Since(start) < time.Hour {
			t.Errorf("got %q after %s, want the late answer after an hour", body, time.Since(start))
		}
	})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("an hour in the bubble took %s", took)
	}
}

func TestUnknownHostIsRefused(t *testing.T) {
	t.Parallel()
	n := New()
	defer n.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://nowhere.example/", http.NoBody)
	resp, err := n.RoundTripper().RoundTrip(req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("want an error for a host that does not exist")
	}
}

// Who closes a listener ends its connections, so that nothing written to them waits for a
// reader that may never come.
func TestClosedListenerEndsItsConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := New()
		defer n.Close()
		l := n.Listen("op.example:443")
		accepted := make(chan net.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		near, err := n.Dial(t.Context(), "tcp", "op.example:443")
		if err != nil {
			t.Fatal(err)
		}
		far := <-accepted
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_ = far.SetWriteDeadline(began.Add(5 * time.Second))
		if _, err := far.Write([]byte("alert")); !errors.Is(err, io.ErrClosedPipe) || time.Since(began) != 0 {
			t.Errorf("the far end: %v after %s", err, time.Since(began))
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the near end: %v", err)
		}
	})
}

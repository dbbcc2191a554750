package memnet

import (
	"io"
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

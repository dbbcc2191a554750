package ciba

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cibatest/cibatest/internal/hostile"
)

// bounded is a transport that keeps what clients of this package rely on.
func bounded(t *testing.T) *http.Transport {
	transport := &http.Transport{MaxResponseHeaderBytes: MaxHeader, DisableCompression: true, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// Whatever a server sends, and however slowly, the answer ends in time and either can
// be read or says in a line why it cannot.
func TestHostileAnswersEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range hostile.Modes() {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			server := hostile.Start(t, mode, true)
			h := NewHTTP(bounded(t), Options{MaxTransfer: 500 * time.Millisecond})
			rec := NewRecorder(1)
			resp := h.Do(t.Context(), rec, Call{URL: server.URL + "/token", Timeout: 5 * time.Second})
			if took := resp.Received.Sub(resp.Sent); mode.Slow && took > 8*time.Second {
				t.Errorf("it took %s", took)
			}
			lines, size := measure(resp.Header)
			if lines > maxLines || size > MaxHeader || int64(len(resp.Body)) > DefaultMaxBody {
				t.Errorf("%d header lines of %d bytes, a body of %d", lines, size, len(resp.Body))
			}
			if resp.Err == nil && resp.Status == 0 {
				t.Error("neither an answer nor a reason")
			}
			for _, said := range []string{resp.Summary(), rec.Exchanges(time.Now())[0].Error} {
				if len(said) > 500 || strings.ContainsFunc(said, unicode.IsControl) {
					t.Errorf("%d bytes: %.300q", len(said), said)
				}
			}
		})
	}
}

// An answer that has begun is given up long before the time that its first byte may
// take.
func TestAnswersMayNotDrip(t *testing.T) {
	t.Parallel()
	for _, mode := range hostile.Modes() {
		if !mode.Slow || mode.Name == "silence" || strings.HasPrefix(mode.Name, "interim") {
			continue
		}
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			server := hostile.Start(t, mode, true)
			h := NewHTTP(bounded(t), Options{MaxTransfer: 200 * time.Millisecond})
			resp := h.Do(t.Context(), nil, Call{URL: server.URL})
			if resp.Err == nil || !strings.Contains(resp.Err.Error(), "did not come to an end in time") {
				t.Errorf("after %s: %v", resp.Received.Sub(resp.Sent), resp.Err)
			}
		})
	}
}

// What a run keeps of all its answers stays bounded, whatever their size.
func TestAllAnswersOfARunAreBounded(t *testing.T) { //nolint:paralleltest // it measures the heap of the process
	const exchanges, most = 600, 160 << 20
	for _, name := range []string{"a body of 1 MiB", "a body of 100 KiB", "60 KiB of headers", "1,000 short header lines"} {
		var mode hostile.Mode
		for _, m := range hostile.Modes() {
			if m.Name == name {
				mode = m
			}
		}
		server := hostile.Start(t, mode, true)
		before := heap()
		h := NewHTTP(bounded(t), Options{})
		rec := NewRecorder(exchanges)
		kept := make([]*Response, 0, exchanges)
		for range exchanges {
			resp := h.Do(t.Context(), rec, Call{URL: server.URL})
			_, _ = resp.Object()
			kept = append(kept, resp)
		}
		if grown := int64(heap()) - int64(before); grown > most {
			t.Errorf("%s: %d exchanges keep %d MiB", name, exchanges, grown>>20)
		}
		if last := kept[exchanges-1]; last.Err == nil || last.Status == 0 {
			t.Errorf("%s: the last of %d is %d, %v", name, exchanges, last.Status, last.Err)
		}
		runtime.KeepAlive(kept)
		runtime.KeepAlive(rec)
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

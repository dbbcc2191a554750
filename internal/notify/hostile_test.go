package notify

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/memnet"
)

// dial opens a connection to the receiver that speaks for itself.
func dial(t *testing.T, n *memnet.Network) net.Conn {
	t.Helper()
	conn, err := n.Dial(t.Context(), "tcp", "client.example:80")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// say writes text to a connection and reads what comes until it is closed. The receiver
// may stop reading at any moment.
func say(conn net.Conn, text string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, conn)
	}()
	_, _ = io.WriteString(conn, text)
	<-done
	_ = conn.Close()
}

// post is a call in HTTP/1.1 whose connection ends with it.
func post(path, header, body string) string {
	const form = "POST %s HTTP/1.1\r\nHost: client.example\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s"
	return fmt.Sprintf(form, path, header, len(body), body)
}

// Ten thousand hostile calls change nothing for a request that is waited for, and leave
// nothing behind but counts.
func TestHostileCalls(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		path := strings.TrimPrefix(at, r.Base())
		mine, used := r.Expect("mine", 0), r.Expect("used", 0)
		r.Name(mine, "my-id")
		kinds := []struct{ name, text string }{
			{"wrong bearer", post(path, "Authorization: Bearer guess\r\n", `{"auth_req_id":"x"}`)},
			{"no bearer", post(path, "", `{"auth_req_id":"my-id"}`)},
			{"basic", post(path, "Authorization: Basic bWluZQ==\r\n", "{}")},
			{"replayed", post(path, "Authorization: Bearer used\r\n", "{}")},
			{"other path", post("/admin", "Authorization: Bearer guess\r\n", "{}")},
			{"path that climbs", post(path+"/../../etc/passwd", "", "{}")},
			{"large body", post(path, "Authorization: Bearer guess\r\n", strings.Repeat("x", 1<<18))},
			{"large header", post(path, "X-Large: "+strings.Repeat("x", 1<<16)+"\r\n", "{}")},
			{"many headers", post(path, strings.Repeat("X-Many: 1\r\n", 5000), "{}")},
			{"body that is shorter than it says", "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"},
			{"body that never comes, elsewhere", "POST /admin HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"},
			{"chunks that are none", "POST " + path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
			{"no HTTP", "\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n"},
			{"two hosts", "POST " + path + " HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
			{"nested", post(path, "Authorization: Bearer guess\r\n", strings.Repeat("[", 1<<15))},
			{"slow header", "POST " + path + " HTTP/1.1\r\nHost: a\r\nX-Slow: "},
			{"silence", ""},
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const calls = 10_000
		began := time.Now()
		replayed := 0
		for i := range calls {
			kind := kinds[i%len(kinds)]
			if kind.name == "replayed" {
				replayed++
			}
			go say(dial(t, n), kind.text)
			if i%64 == 63 {
				synctest.Wait()
			}
		}
		status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "mine", `{"auth_req_id":"my-id"}`)
		if took := time.Since(began); status != http.StatusNoContent || took > time.Second {
			t.Errorf("among hostile calls a good one is answered %d after %s, want 204 at once", status, took)
		}
		time.Sleep(time.Minute)
		synctest.Wait()

		if mine.Count() != 1 || len(mine.Calls()) != 1 || len(mine.Misled()) > maxKept {
			t.Errorf("%d calls for the request, %d of them kept, want one", mine.Count(), len(mine.Calls()))
		}
		if used.Count() != replayed || len(used.Calls()) != maxKept {
			t.Errorf("%d replayed calls are counted and %d kept, want %d and %d", used.Count(), len(used.Calls()), replayed, maxKept)
		}
		if s := r.Strangers(); s.Unknown < 3*calls/len(kinds) || len(s.Latest) > maxStrangers {
			t.Errorf("strangers: %d unknown tokens, %d kept", s.Unknown, len(s.Latest))
		}
		if open := r.guests.order.Len(); open > 1 { // that of the good call may be idle
			t.Errorf("%d connections are left open", open)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
			t.Errorf("the heap has grown by %d MiB, want 32 at most", grown>>20)
		}
	})
}

// A thousand connections that are held open without a word keep nobody out, and those
// with a call under way are not closed for them.
func TestHeldConnections(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		slow, quick := r.Expect("slow", 0), r.Expect("quick", 0)
		slow.Answer(Answer{After: 3 * time.Second})
		answered := make(chan int, 1)
		go func() {
			status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "slow", "{}")
			answered <- status
		}()
		slow.Await(t.Context(), 1)
		for range 1000 {
			go say(dial(t, n), "POST / HTTP/1.1\r\nX-Slow: ")
			synctest.Wait()
		}
		if open := r.guests.order.Len(); open > maxConnections {
			t.Errorf("%d connections of strangers are open, want %d at most", open, maxConnections)
		}
		if status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "quick", "{}"); status != 204 || quick.Count() != 1 {
			t.Errorf("a good call is answered %d, want 204", status)
		}
		if status := <-answered; status != 204 {
			t.Errorf("the call under way is answered %d, want 204", status)
		}
	})
}

// The bodies of all calls together are bounded, whoever sends them.
func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "push-a")
		body := strings.Repeat("x", maxBody)
		for i := range maxBytes/maxBody/maxKept + 2 {
			r.Expect(fmt.Sprint(i), 0)
			for range maxKept {
				call(t, n.RoundTripper(), http.MethodPost, at, fmt.Sprint(i), body)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.bytes > maxBytes {
			t.Errorf("%d bytes are kept, want %d at most", r.bytes, maxBytes)
		}
	})
}

func TestInboxesAreBounded(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, _ *memnet.Network) {
		for i := range maxInboxes + 10 {
			r.Expect(fmt.Sprint(i), 0)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.inboxes) != maxInboxes || len(r.order) != maxInboxes {
			t.Errorf("%d inboxes and %d places, want %d of both", len(r.inboxes), len(r.order), maxInboxes)
		}
	})
}

package loadgen

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/hostile"
)

// transports are both of them, by name.
var transports = map[string]func(TransportOptions) Transport{"http": NewTransport, "fast": NewFastTransport}

// Whatever a server sends, and however slowly, both transports come to an end in time,
// and to the same one.
func TestHostileAnswersEndAlike(t *testing.T) {
	t.Parallel()
	for _, mode := range hostile.Modes() {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			for name, make := range transports {
				rt := make(TransportOptions{Connections: 1, Timeout: time.Second})
				defer rt.CloseIdleConnections()
				began := time.Now()
				resp, err := newHTTPClient(rt, http.Header{}, time.Second).Post(hostile.Start(t, mode, true).URL, "", nil)
				var n int64
				if err == nil {
					n, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				if took := time.Since(began); took > 8*time.Second || n > maxAnswer {
					t.Errorf("%s: %d bytes in %s, %v", name, n, took, err)
				}
				if mode.Slow && err == nil {
					t.Errorf("%s: an answer in spite of all, %s", name, resp.Status)
				}
			}
		})
	}
}

// A server that begins large answers to many requests and ends none of them must not
// fill the memory.
func TestAnswersUnderWayAreBounded(t *testing.T) { //nolint:paralleltest // it measures the heap of the process
	const underWay, most = 200, 60 << 20
	lines := strings.Repeat("X-More: "+strings.Repeat("a", 1000)+"\r\n", 9000)
	for what, begin := range map[string]string{
		"headers": "HTTP/1.1 200 OK\r\n" + lines,
		"a body":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7a1200\r\n" + strings.Repeat("a", 7_900_000),
	} {
		for name, make := range transports {
			if grown := heapUnderWay(t, make, begin, underWay); grown > most {
				t.Errorf("%s: %d answers that begin with %d bytes of %s take %d MiB", name, underWay, len(begin), what, grown>>20)
			}
		}
	}
}

// heapUnderWay is by how many bytes the heap grows while all answers are under way.
func heapUnderWay(t *testing.T, make func(TransportOptions) Transport, begin string, requests int) int64 {
	t.Helper()
	address, sent := stalling(t, begin)
	rt := make(TransportOptions{Connections: requests, Timeout: 20 * time.Second})
	client := newHTTPClient(rt, http.Header{}, 20*time.Second)
	before := heapNow()
	var asking sync.WaitGroup
	for range requests {
		asking.Go(func() {
			if resp, err := client.Post(address, "", nil); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	for range requests {
		<-sent
	}
	grown := int64(heapNow()) - int64(before)
	asking.Wait()
	rt.CloseIdleConnections()
	return grown
}

// stalling answers every request with the same bytes and then waits for a second. It
// tells when it has sent what the client takes.
func stalling(t *testing.T, begin string) (address string, sent chan bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	sent = make(chan bool, 1000)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.Copy(conn, strings.NewReader(begin))
				sent <- true
				time.Sleep(time.Second)
			}()
		}
	}()
	return "http://" + listener.Addr().String(), sent
}

func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

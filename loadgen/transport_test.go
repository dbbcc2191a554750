package loadgen

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answers are raw answers, ordinary and hostile. With an empty text the server
// closes the connection at once.
var rawAnswers = map[string]string{
	"length":            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	"pending":           "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 33\r\n\r\n{\"error\":\"authorization_pending\"}",
	"chunked":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
	"chunked, trailer":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n2\r\nhi\r\n0\r\nX-End: yes\r\n\r\n",
	"until close":       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\neverything until the end",
	"old protocol":      "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold",
	"no content":        "HTTP/1.1 204 No Content\r\n\r\n",
	"not modified":      "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n",
	"redirect":          "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
	"early hints":       "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"continue":          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"two of a header":   "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n",
	"odd spelling":      "HTTP/1.1 503 Busy\r\nrETRY-aFTER: 7\r\ncontent-LENGTH: 4\r\n\r\nbusy",
	"no reason":         "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",
	"big":               sized(1000, 1_000_000),
	"big, chunked":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + strings.Repeat("a", 200_000) + "\r\n0\r\n\r\n",
	"big, until close":  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + strings.Repeat("a", 200_000),
	"longest body":      sized(1000, maxAnswer),
	"longer body":       sized(1000, maxAnswer+1),
	"header of 4.5 kB":  sized(4_500, 2),
	"header of 9 kB":    sized(9_000, 2),
	"header of 30 kB":   sized(30_000, 2),
	"header of 40 kB":   sized(40_000, 2),
	"header of 1 MB":    sized(1_000_000, 2),
	"long header line":  "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("a", 100_000) + "\r\nContent-Length: 2\r\n\r\n{}",
	"too short":         "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort",
	"chunk broken":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\nhello\r\n",
	"not HTTP":          "SSH-2.0-OpenSSH_9.9\r\n\r\n",
	"status no number":  "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
	"negative length":   "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
	"header no colon":   "HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 0\r\n\r\n",
	"nothing":           "",
	"half a header":     "HTTP/1.1 200 OK\r\nContent-Le",
	"two lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
	"length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
}

// sized is an answer with a header of some bytes, in lines of 100, and a body.
func sized(header, body int) string {
	line := "X-Some: " + strings.Repeat("a", 90) + "\r\n"
	return fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", strings.Repeat(line, header/len(line)), body, strings.Repeat("a", body))
}

// rawServer answers every request with the same bytes and tells what it got.
func rawServer(t *testing.T, answer string) (address string, got chan *http.Request) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	got = make(chan *http.Request, 8)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				body, _ := io.ReadAll(req.Body)
				req.Body = io.NopCloser(bytes.NewReader(body))
				got <- req
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return "http://" + listener.Addr().String(), got
}

// seen is an answer as the engine sees it.
type seen struct {
	Status int
	Header http.Header
	Body   string
	Failed bool
}

func ask(t *testing.T, rt http.RoundTripper, address string) seen {
	t.Helper()
	client := newHTTPClient(rt, http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"},
		"User-Agent": {"cibatest-load"}, "Authorization": {"Basic abc"},
	}, 2*time.Second)
	req, err := http.NewRequest(http.MethodPost, address+"/a%2Fb/token?x=1&y=%20#p17", strings.NewReader(url.Values{"auth_req_id": {"a b&c"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vegeta-Seq", "5")
	req.Header.Set("X-Vegeta-Attack", "a")
	resp, err := client.Do(req)
	if err != nil {
		return seen{Failed: true}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return seen{Failed: true}
	}
	header := resp.Header.Clone()
	for _, framing := range []string{"Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Date"} { // the transport's own business
		header.Del(framing)
	}
	return seen{Status: resp.StatusCode, Header: header, Body: string(body)}
}

func TestFastEqualsReference(t *testing.T) {
	t.Parallel()
	for name, answer := range rawAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := TransportOptions{Connections: 4, Timeout: 2 * time.Second}
			address, got := rawServer(t, answer)
			want := ask(t, NewTransport(o), address)
			wantRequest := <-got
			have := ask(t, NewFastTransport(o), address)
			haveRequest := <-got
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("-reference +fast:\n%s", diff)
			}
			if diff := cmp.Diff(requestText(wantRequest), requestText(haveRequest)); diff != "" {
				t.Errorf("request, -reference +fast:\n%s", diff)
			}
		})
	}
}

func requestText(r *http.Request) map[string]any {
	body, _ := io.ReadAll(r.Body)
	return map[string]any{"method": r.Method, "target": r.RequestURI, "proto": r.Proto, "header": r.Header, "length": r.ContentLength, "body": string(body)}
}

func TestVegetasHeadersAreNotSent(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(TransportOptions) Transport{"http": NewTransport, "fast": NewFastTransport} {
		address, got := rawServer(t, rawAnswers["length"])
		ask(t, make(TransportOptions{Connections: 1, Timeout: time.Second}), address)
		for header := range (<-got).Header {
			if strings.Contains(strings.ToLower(header), "vegeta") {
				t.Errorf("%s sends %s", name, header)
			}
		}
	}
}

// Both give up on a silent server, and both verify certificates.
func TestTransportsTimeOutAndVerify(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the test
	secure.StartTLS()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for name, make := range map[string]func(TransportOptions) Transport{"http": NewTransport, "fast": NewFastTransport} {
		o := TransportOptions{Connections: 1, Timeout: 300 * time.Millisecond}
		began := time.Now()
		client := newHTTPClient(make(o), http.Header{}, o.Timeout)
		if resp, err := client.Post("http://"+silent.Addr().String(), "", nil); err == nil || time.Since(began) > 3*time.Second {
			t.Errorf("%s: a silent server gave %v after %s", name, resp, time.Since(began))
		} else if text := faultText(err.Error()); text != "timeout" {
			t.Errorf("%s: %v is called %q", name, err, text)
		}
		if _, err := newHTTPClient(make(o), http.Header{}, time.Second).Get(secure.URL); !isCertificateError(err) {
			t.Errorf("%s: an unknown certificate gave %v", name, err)
		}
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		trusted := make(o)
		if resp, err := newHTTPClient(trusted, http.Header{}, time.Second).Get(secure.URL); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: over TLS: %v", name, err)
		}
		if n := trusted.Connections(); n != 1 {
			t.Errorf("%s: %d connections were counted, want 1", name, n)
		}
		trusted.CloseIdleConnections()
	}
}

func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification) || err != nil && faultText(err.Error()) == "certificate not trusted"
}

// An idle connection is given up as soon as the options say, on either transport.
func TestIdleConnectionsAreGivenUp(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer server.Close()
	for name, build := range map[string]func(TransportOptions) Transport{"http": NewTransport, "fast": NewFastTransport} {
		rt := build(TransportOptions{Connections: 1, Timeout: 10 * time.Second, Idle: 50 * time.Millisecond})
		defer rt.CloseIdleConnections()
		give := func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("a=b"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		give()
		for until := time.Now().Add(10 * time.Second); rt.Connections() < 2 && time.Now().Before(until); {
			time.Sleep(300 * time.Millisecond)
			give()
		}
		if rt.Connections() < 2 {
			t.Errorf("%s: the connection was kept", name)
		}
	}
}

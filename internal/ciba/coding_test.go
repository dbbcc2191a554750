package ciba

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// coded is a text in a content coding.
func coded(t *testing.T, text string, coding func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := coding(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zlibbed(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func deflated(w io.Writer) io.WriteCloser {
	d, _ := flate.NewWriter(w, flate.BestSpeed) // the level is a valid one
	return d
}

// Compressed answers are read like others, the request asks for none, and the evidence says
// what came. What cannot be decoded is told in a sentence, within the bounds of a body.
func TestCodedAnswers(t *testing.T) {
	t.Parallel()
	const text = `{"error":"authorization_pending"}`
	for name, c := range map[string]struct {
		encoding, body, want, note string
	}{
		"identity":                   {"identity", text, "400 authorization_pending", ""},
		"gzip":                       {"gzip", coded(t, text, gzipped), "400 authorization_pending", "decoded: it came as gzip"},
		"gzip by its old name":       {"X-GZIP", coded(t, text, gzipped), "400 authorization_pending", "decoded: it came as x-gzip"},
		"deflate":                    {"deflate", coded(t, text, zlibbed), "400 authorization_pending", "decoded: it came as deflate"},
		"deflate without frame":      {"deflate", coded(t, text, deflated), "400 authorization_pending", "decoded: it came as deflate"},
		"two after each other":       {"deflate, gzip", coded(t, coded(t, text, zlibbed), gzipped), "400 authorization_pending", "it came as deflate, gzip"},
		"one that nobody asked for":  {"br", "\x8b\x02\x80{}\x03", `Content-Encoding "br": a content coding that is not spoken here`, ""},
		"a label only":               {"gzip", text, `Content-Encoding "gzip": gzip: invalid header`, ""},
		"broken off":                 {"gzip", coded(t, text, gzipped)[:30], `Content-Encoding "gzip": unexpected EOF`, ""},
		"small on the wire only":     {"gzip", coded(t, strings.Repeat(" ", 3<<20), gzipped), "longer than what is read of an answer, once decoded", ""},
		"more codings than are real": {"gzip,gzip,gzip,gzip,gzip", text, "5 content codings", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Header.Get("Accept-Encoding")
				w.Header().Set("Content-Encoding", c.encoding)
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(server.Close)
			rec := NewRecorder(1)
			resp := NewHTTP(bounded(t), Options{}).Do(t.Context(), rec, Call{URL: server.URL, Form: P("a", "b")})
			if got := <-asked; got != "identity" {
				t.Errorf("asked for %q, want identity", got)
			}
			if got := resp.Summary(); !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if len(resp.Body) > DefaultMaxBody {
				t.Errorf("%d bytes are kept", len(resp.Body))
			}
			if e := rec.Exchanges(time.Now())[0]; !strings.Contains(e.Note, c.note) || c.note == "" && e.Note != "" {
				t.Errorf("the evidence says %q, want %q", e.Note, c.note)
			}
		})
	}
}

package loadgen

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
)

// An OP that compresses its answers holds as one does that does not.
func TestCompressedAnswersAreRead(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{ExpiresIn: 30 * time.Second, Variants: []string{"answers-gzip"}}, func(t *testing.T, b *bench) {
		l := b.run(t, b.plan(t, "5/s", 10*time.Second))
		if l.Funnel.Acknowledged != 50 || l.Counters[result.CountAsWanted] != 50 || len(l.Violations) != 0 {
			t.Errorf("funnel %+v, failed for %v, violations %+v", l.Funnel, l.FailedFor, l.Violations)
		}
	})
}

// Both transports hand a coded body over as it came, and it is decoded within the bound of
// an answer, or its trouble has one of a few names.
func TestCodedBodies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ coding, body, want, trouble string }{
		"gzip":    {"gzip", squeezed(t, pendingText), pendingText, ""},
		"unknown": {"br", "{}", "{}", "unknown content coding"},
		"broken":  {"gzip", squeezed(t, pendingText)[:25], "", "broken content coding"},
		"a bomb":  {"gzip", squeezed(t, string(make([]byte, 10*maxAnswer))), string(make([]byte, maxAnswer)), "broken content coding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := fmt.Sprintf("HTTP/1.1 400 Bad Request\r\ncontent-encoding: %s\r\nContent-Length: %d\r\n\r\n%s", c.coding, len(c.body), c.body)
			for transport, make := range transports {
				rt := make(TransportOptions{Connections: 1, Timeout: 2 * time.Second})
				defer rt.CloseIdleConnections()
				address, _ := rawServer(t, answer)
				got := ask(t, rt, address)
				r := &vegeta.Result{Headers: got.Header, Body: []byte(got.Body)}
				if trouble := decode(r); trouble != c.trouble || c.want != "" && string(r.Body) != c.want {
					t.Errorf("%s: %q, %.60q of %d bytes", transport, trouble, r.Body, len(r.Body))
				}
			}
		})
	}
}

// squeezed is a text in gzip.
func squeezed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

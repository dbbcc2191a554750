package suites

import (
	"maps"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// exchanges turns what a recorder kept into the result model.
func exchanges(r *ciba.Recorder, started time.Time) []result.Exchange {
	var out []result.Exchange
	for _, e := range r.Exchanges() {
		x := result.Exchange{
			Label: e.Label, StartedMS: e.Sent.Sub(started).Milliseconds(), DurationMS: float64(e.Duration.Microseconds()) / 1000,
			Request: message(e.Request), Error: e.Error,
		}
		if e.Response != nil {
			response := message(*e.Response)
			x.Response = &response
		}
		if e.Shared {
			x.Note = "shared with other cases"
		}
		out = append(out, x)
	}
	return out
}

func message(m ciba.Message) result.Message {
	out := result.Message{Method: m.Method, URL: m.URL, Status: m.Status, Body: m.Body, BodyBytes: m.BodyBytes, Truncated: m.Truncated}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, result.Header(h))
	}
	for _, t := range m.Tokens {
		out.Tokens = append(out.Tokens, result.Token(t))
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

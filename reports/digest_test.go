package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

func TestExchangeLine(t *testing.T) {
	t.Parallel()
	call := result.Exchange{Request: result.Message{Method: "POST", URL: "https://x/y"}, Response: &result.Message{Status: 204}}
	inbound := call
	inbound.Direction = result.Inbound
	for want, x := range map[string]result.Exchange{
		"POST https://x/y → 204":              call,
		"from the OP: POST https://x/y → 204": inbound,
		"POST https://x/y → no answer: cut":   {Request: call.Request, Error: "cut"},
	} {
		if got := exchangeLine(x); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What the OP has sent is told as such: no command sends it again.
func TestInboundIsNoCommand(t *testing.T) {
	t.Parallel()
	call := result.Exchange{
		Label: "notification", Direction: result.Inbound, Response: &result.Message{Status: 204},
		Request: result.Message{Method: "POST", URL: "https://client.example/cb", Headers: []result.Header{{Name: "Authorization", Value: "Bearer [masked:abcdef]"}}},
	}
	var script bytes.Buffer
	if err := Curl(&script, result.Case{ID: "ping-body", Exchanges: []result.Exchange{call}}); err != nil {
		t.Fatal(err)
	}
	if text := script.String(); strings.Contains(text, "\ncurl ") || strings.Contains(text, "CIBA_AUTHORIZATION") ||
		!strings.Contains(text, "# 1. notification, from the OP: POST https://client.example/cb → 204: the OP calls the client here") {
		t.Errorf("the script says\n%s", text)
	}
	if entry := harEntryOf(time.Now(), "ping-body", call); entry.Comment != "notification, from the OP" {
		t.Errorf("the archive says %q", entry.Comment)
	}
}

// The evidence tells at a glance who called whom.
func TestInboundIsTheOPs(t *testing.T) {
	t.Parallel()
	call := result.Exchange{Request: result.Message{Method: "POST", URL: "https://client.example/cb"}, Response: &result.Message{Status: 204}}
	for direction, wants := range map[string][]string{
		"":             {`class="exchange"`, "<h5>Request</h5>", "<h5>Response</h5>"},
		result.Inbound: {`class="exchange from-op"`, "<h5>Request of the OP</h5>", "<h5>Our response</h5>", "from the OP: POST"},
	} {
		call.Direction = direction
		var page bytes.Buffer
		one := result.Case{ID: "ping-body", Outcome: result.Pass, Exchanges: []result.Exchange{call}}
		if err := HTML(&page, result.Run{Cases: []result.Case{one}}); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(page.String(), want) {
				t.Errorf("direction %q: the page lacks %s", direction, want)
			}
		}
	}
}

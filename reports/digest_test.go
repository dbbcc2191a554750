package reports

import (
	"testing"

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

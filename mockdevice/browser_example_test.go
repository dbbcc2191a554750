//go:build browser

package mockdevice_test

import (
	"testing"
	"time"

	"github.com/cibatest/cibatest/mockdevice"
)

// TestBrowserExample shows what the agents of the folder examples ask. docs/phone.png is its picture
// phone-example.png.
func TestBrowserExample(t *testing.T) {
	d, address := phoneOf(t)
	receive(t, d, mockdevice.Request{
		AuthReqID: "example", ClientID: "payment-agent", LoginHint: "alice", Sub: "auth0|alice",
		BindingMessage: "Pay 50.00 USD to ExampleCorp", Scope: "openid payments:write", ExpiresAt: time.Now().Add(5 * time.Minute),
		AuthorizationDetails: []byte(`[{"type":"payment","amount":50.0,"currency":"USD","creditor":{"name":"ExampleCorp"}}]`),
	})
	tab := openPhone(startBrowser(t), t, "light", address)
	screen(tab, t, "example")
	inert(tab, t)
	accessible(tab, t, address)
}

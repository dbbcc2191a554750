package mockdevice_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

// An OP asks its user through the device, whose policy approves small payments and
// leaves everything else to a test.
func ExampleNew() {
	op := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println("the OP is told", string(body))
	}))
	defer op.Close()

	rules, err := policy.Parse("example", []byte(`
rules:
  - name: small payments
    when: {details: {all: {where: [{at: /amount, at_most: 100, currency: EUR}]}}}
    then: approve
otherwise: hold
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	device := mockdevice.New(mockdevice.WithRules(rules), mockdevice.WithRoundTripper(http.DefaultTransport))
	defer device.Close()
	page := httptest.NewServer(device.Handler()) // what OPs, tests and browsers speak to
	defer page.Close()

	// This is what an OP does. The client speaks to a device in another process, too.
	client := &mockdevice.Client{URL: page.URL}
	err = client.Receive(context.Background(), mockdevice.Request{
		AuthReqID: "r1", LoginHint: "alice", BindingMessage: "AB12",
		Callback: op.URL,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// This is what a test does.
	asked, err := client.Wait(context.Background(), mockdevice.Filter{User: "alice"})
	fmt.Println("alice is asked about", asked.BindingMessage, err)
	err = client.Decide(context.Background(), "r1", mockdevice.Decision{Action: mockdevice.Deny, Reason: "not mine"})
	fmt.Println("decided", err)

	// Output:
	// alice is asked about AB12 <nil>
	// the OP is told {"auth_req_id":"r1","decision":"deny","reason":"not mine"}
	// decided <nil>
}

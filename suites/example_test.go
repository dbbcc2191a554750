package suites_test

import (
	"context"
	"fmt"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/suites"
)

// A run needs a target, a way to reach it, and somebody who decides for its users. Here
// they are those of the embedded reference OP.
func ExampleRun() {
	ctx := context.Background()
	op, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer op.Close()

	run, err := suites.Run(ctx, suites.Options{
		Target: op.Target, Approver: op.Approver, RoundTripper: op.RoundTripper, Receiver: op.Receiver,
		Select: suites.Selection{Arguments: []string{"CIBA-7.1-SCOPE-MISSING"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range run.Cases {
		fmt.Println(c.ID, c.Outcome)
	}
	fmt.Println(run.Verdict)
	// Output:
	// request-scope-missing pass
	// request-scope-missing-ping pass
	// request-scope-missing-push pass
	// conformant
}

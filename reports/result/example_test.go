package result_test

import (
	"fmt"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// A result file is all that another tool needs: outcomes, clauses and evidence.
func ExampleRead() {
	file := strings.NewReader(`{
		"version": "1", "kind": "conformance", "verdict": "non-conformant",
		"cases": [
			{"id": "poll-pending", "outcome": "pass", "requirements": ["CIBA-11-PENDING"]},
			{"id": "reuse", "outcome": "fail", "requirements": ["CIBA-10.1.1-REUSE"], "message": "want an error, got 200 with tokens"}
		]
	}`)
	run, err := result.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range run.Cases {
		if c.Outcome == result.Fail {
			fmt.Printf("%s: %s\n", c.ID, c.Message)
		}
	}
	// Output: reuse: want an error, got 200 with tokens
}

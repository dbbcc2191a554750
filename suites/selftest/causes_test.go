package selftest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// bent alters answers on their way.
type bent struct {
	next http.RoundTripper
	bend func(status int, body string) (newStatus int)
}

func (b bent) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodPost {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.StatusCode = b.bend(resp.StatusCode, string(body))
	return resp, nil
}

// One status habit fails dozens of cases of all areas. It is one cause, and explains every
// case that fails.
func TestOneHabitIsOneCause(t *testing.T) {
	t.Parallel()
	habit := func(status int, body string) int {
		waits := strings.Contains(body, "authorization_pending") || strings.Contains(body, "slow_down")
		if status == http.StatusBadRequest && !waits {
			return http.StatusUnauthorized
		}
		return status
	}
	run := judgeLab(t, lab.Options{}, func(o *suites.Options) { o.RoundTripper = bent{o.RoundTripper, habit} }, selecting())
	causes := failing(run)
	if len(causes) != 1 || !strings.HasPrefix(causes[0].Title, "401 where 400 is due") {
		t.Fatalf("%d causes: %s", len(causes), titles(causes))
	}
	for _, c := range run.Cases {
		if c.Outcome == result.Fail && !slices.Contains(causes[0].Cases(), c.ID) {
			t.Errorf("%s fails for something else: %s", c.ID, c.Message)
		}
	}
	if n := len(causes[0].Cases()); n < 30 {
		t.Errorf("it explains %d cases only", n)
	}
}

// A wrong member is one cause wherever it shows.
func TestOneMemberIsOneCause(t *testing.T) {
	t.Parallel()
	causes := failing(judgeLab(t, lab.Options{Faults: []string{"idt-sub-empty"}}, selecting()))
	if len(causes) == 0 || !strings.HasPrefix(causes[0].Title, "sub ") || len(causes[0].Clauses()) < 5 || len(causes) > 2 {
		t.Errorf("%d causes: %s", len(causes), titles(causes))
	}
}

// What is let in comes first, in the run, in its case and in the message, however many
// smaller things are found before it.
func TestTheGravestComesFirst(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Faults: []string{"userinfo-by-refresh-token", "userinfo-no-challenge", "redeem-race", "expired-401"}}, selecting())
	causes := failing(run)
	var gravities []result.Gravity
	for _, c := range causes {
		gravities = append(gravities, c.Gravity)
	}
	if len(causes) < 3 || causes[0].Gravity != result.LetIn || causes[1].Gravity != result.LetIn {
		t.Errorf("the causes are %s, %v", titles(causes), gravities)
	}
	if !slices.IsSortedFunc(causes, func(a, b result.Cause) int {
		switch {
		case a.Gravity.GraverThan(b.Gravity):
			return -1
		case b.Gravity.GraverThan(a.Gravity):
			return 1
		}
		return 0
	}) {
		t.Errorf("the order is %v", gravities)
	}
	for _, c := range run.Cases {
		if c.ID == "bearer-garbage" && (c.Findings[0].Gravity != result.LetIn || !strings.Contains(c.Message, "refresh token")) {
			t.Errorf("the message is %q", c.Message)
		}
	}
}

func failing(run result.Run) []result.Cause {
	return slices.DeleteFunc(run.Causes(), func(c result.Cause) bool { return c.Outcome != result.Fail })
}

func titles(causes []result.Cause) string {
	var list []string
	for _, c := range causes {
		list = append(list, c.Title)
	}
	return strings.Join(list, "; ")
}

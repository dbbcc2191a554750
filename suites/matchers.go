package suites

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/onsi/gomega/types"
)

// BeOAuthError matches an answer with this status and one of these error codes.
func BeOAuthError(status int, codes ...ciba.ErrorCode) types.GomegaMatcher {
	return &answerMatcher{
		want: fmt.Sprintf("%d with error %v", status, codes),
		ok: func(r *ciba.Response) bool {
			e, isError := r.OAuthError()
			return isError && r.Status == status && slices.Contains(codes, ciba.ErrorCode(e.Code))
		},
	}
}

// BePending matches what a poll is answered while the user has not decided:
// authorization_pending, or slow_down where the OP finds the poll too early.
func BePending() types.GomegaMatcher {
	return BeOAuthError(400, ciba.AuthorizationPending, ciba.SlowDown)
}

// HaveTokens matches an answer that carries any token.
func HaveTokens() types.GomegaMatcher {
	return &answerMatcher{want: "an answer with tokens", ok: (*ciba.Response).HasTokens}
}

// BeAcknowledged matches a readable acknowledgement.
func BeAcknowledged() types.GomegaMatcher {
	return &answerMatcher{want: "an acknowledgement with auth_req_id", ok: func(r *ciba.Response) bool {
		_, err := r.Started()
		return err == nil
	}}
}

// answerMatcher says what it wants and, on failure, what came, without secrets.
type answerMatcher struct {
	want string
	ok   func(*ciba.Response) bool
}

func (m *answerMatcher) Match(actual any) (bool, error) {
	resp, ok := actual.(*ciba.Response)
	if !ok {
		return false, fmt.Errorf("expected an answer of the OP, got %T", actual)
	}
	return m.ok(resp), nil
}

func (m *answerMatcher) FailureMessage(actual any) string {
	return fmt.Sprintf("want %s, got %s", m.want, actual.(*ciba.Response).Summary())
}

func (m *answerMatcher) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want anything but %s, got %s", m.want, actual.(*ciba.Response).Summary())
}

package harness

import (
	"net/http"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	refusal := catalogue.Requirement{Verdict: "fail", Expect: catalogue.Expect{
		Status: []int{400}, Error: []string{"invalid_request"}, ToleratedStatus: []int{401}, Tolerated: []string{"invalid_scope"},
	}}
	refusalOrNot := refusal
	refusalOrNot.Expect.OrSuccess = true
	anyRefusal := refusal
	anyRefusal.Expect.AnyRefusal = true
	success := catalogue.Requirement{Verdict: "fail", Expect: catalogue.Expect{Status: []int{200}}}
	recorded := catalogue.Requirement{Verdict: "info", Expect: catalogue.Expect{Status: []int{400}, Error: []string{"invalid_request"}}}
	for _, c := range []struct {
		name        string
		requirement catalogue.Requirement
		status      int
		body        string
		want        result.Outcome
	}{
		{"as expected", refusal, 400, `{"error":"invalid_request"}`, result.Pass},
		{"tolerated code", refusal, 400, `{"error":"invalid_scope"}`, result.Warn},
		{"tolerated status", refusal, 401, `{"error":"invalid_request"}`, result.Warn},
		{"both tolerated", refusal, 401, `{"error":"invalid_scope"}`, result.Warn},
		{"another code", refusal, 400, `{"error":"invalid_grant"}`, result.Fail},
		{"another status", refusal, 403, `{"error":"invalid_request"}`, result.Fail},
		{"no error code", refusal, 400, `<html>`, result.Fail},
		{"accepted instead", refusal, 200, `{"auth_req_id":"a"}`, result.Fail},
		{"accepted, which conforms", refusalOrNot, 200, `{"auth_req_id":"a"}`, result.Pass},
		{"refused in other words", anyRefusal, 403, `{"error":"unauthorized_client"}`, result.Warn},
		{"refused without a word", anyRefusal, 403, ``, result.Warn},
		{"refused by an error that is 200", anyRefusal, 200, `{"error":"invalid_client"}`, result.Warn},
		{"accepted by whom any refusal would do", anyRefusal, 200, `{"auth_req_id":"a"}`, result.Fail},
		{"let in, and told to wait", anyRefusal, 400, `{"error":"authorization_pending"}`, result.Fail},
		{"crashed where any refusal would do", anyRefusal, 500, `{}`, result.Fail},
		{"success", success, 200, `{}`, result.Pass},
		{"refused instead", success, 400, `{"error":"invalid_request"}`, result.Fail},
		{"tokens where a success is due", success, 200, `{"access_token":"a"}`, result.Pass},
		{"recorded only", recorded, 200, `{"auth_req_id":"a"}`, result.Info},
		{"tokens are a failure always", recorded, 200, `{"access_token":"a"}`, result.Fail},
		{"tokens in a refusal", recorded, 400, `{"error":"invalid_request","access_token":"a"}`, result.Fail},
		{"a crash is a failure always", recorded, 500, `{"error":"server_error"}`, result.Fail},
		{"load control says nothing", refusal, 503, `{}`, result.Error},
		{"too many requests says nothing", success, 429, `{}`, result.Error},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp := &ciba.Response{Status: c.status, Header: http.Header{}, Body: []byte(c.body)}
			if got := OutcomeOf(c.requirement, resp); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

package harness

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/ciba"
)

// What a matcher tells of a member is enough to see what is wrong, and never its text.
func TestMembersAreDescribedWithoutSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"a text":        {`{"access_token":"secret"}`, "access_token is a string"},
		"an empty text": {`{"access_token":""}`, "access_token is an empty string"},
		"a number":      {`{"access_token":12}`, "access_token is 12"},
		"null":          {`{"access_token":null}`, "access_token is null"},
		"an array":      {`{"access_token":["secret"]}`, "access_token is an array"},
		"an object":     {`{"access_token":{"a":"secret"}}`, "access_token is an object"},
		"nothing":       {`{"token_type":"Bearer"}`, "no access_token: 200 with a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := &ciba.Response{Status: 200, Header: http.Header{}, Body: []byte(c.body)}
			got := HaveMember("access_token", nil).FailureMessage(resp)
			if want := "want a member access_token, got " + c.want; got != want || strings.Contains(got, "secret") {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

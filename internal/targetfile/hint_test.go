package targetfile

import (
	"os"
	"strings"
	"testing"
)

const tenant = `issuer: https://example.us.auth0.com/
persona: auth0
clients: [{name: a, client_id: a, auth_method: client_secret_post, client_secret: s3cr3t}]
users: [USER]
`

// A hint of issuer and subject is built, to the letter as Auth0's own SDKs write it; one that
// a file writes out is taken as it stands.
func TestHintsOfIssuerAndSubject(t *testing.T) {
	t.Parallel()
	const built = `{"format":"iss_sub","iss":"https://example.us.auth0.com/","sub":"auth0|1"}`
	const spaced = `{"format": "iss_sub", "iss": "https://example.us.auth0.com", "sub": "auth0|1"}`
	for user, want := range map[string]string{
		`{sub: "auth0|1"}`: built, `{login_hint: '` + spaced + `'}`: spaced, `{sub: "auth0|1", login_hint: '` + spaced + `'}`: spaced,
		`{sub: "auth0|1", login_hint_token: a.b.c}`: "",
	} {
		got, err := Parse("t.yaml", []byte(strings.Replace(tenant, "USER", user, 1)), Env{Lookup: noEnv})
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		if got.Users[0].LoginHint != want {
			t.Errorf("%s: the hint is %s, want %s", user, got.Users[0].LoginHint, want)
		}
		if !strings.Contains(got.UnknownUser.LoginHint, `"format":"iss_sub"`) {
			t.Errorf("the unknown user is hinted at by %q", got.UnknownUser.LoginHint)
		}
	}
}

// A hint that this OP would refuse is told with its line and what to write instead.
func TestHintsOfAnotherForm(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		`{login_hint: "auth0|1"}`: `t.yaml:4:22: users[0].login_hint: is "auth0|1"; this OP takes {"format":"iss_sub","iss":ISSUER,"sub":SUBJECT}. ` +
			`Write sub: "auth0|1" in its place, and the hint is built`,
		`{login_hint: '{"format":"email","email":"a@example.com"}'}`:                                                 "Write sub:",
		`{login_hint: '{"format":"iss_sub","iss":"https://example.us.auth0.com/"}'}`:                                 "has no sub",
		`{login_hint: '{"format":"iss_sub","iss":"https://example.us.auth0.com/","sub":"auth0|2"}', sub: "auth0|1"}`: "is about another subject",
		`{login_hint: '{"format":"iss_sub","iss":"https://example.eu.auth0.com/","sub":"auth0|1"}'}`:                 "another host than issuer",
		`{name: alice}`: "users[0]: has no sub; give sub",
		`{login_hint: "auth0|1"}]` + "\nunknown_user: {login_hint: nobody}\n#": "unknown_user.login_hint: is \"nobody\"",
	} {
		_, err := Parse("t.yaml", []byte(strings.Replace(tenant, "USER", user, 1)), Env{Lookup: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", user, err, want)
		}
	}
	plain := strings.Replace(tenant, "USER", `{login_hint: "auth0|1"}`, 1) + "hint_format: plain\n"
	if _, err := Parse("t.yaml", []byte(plain), Env{Lookup: noEnv}); err != nil {
		t.Errorf("a file that has plain hints against its persona: %v", err)
	}
}

// The recipe for tenants shows a file that is one.
func TestRecipeForTenants(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/auth0.md")
	if err != nil {
		t.Fatal(err)
	}
	_, from, found := strings.Cut(string(text), "```yaml\nissuer:")
	file, _, ends := strings.Cut(from, "```")
	if !found || !ends {
		t.Fatal("the recipe has no target file")
	}
	got, err := Parse("t.yaml", []byte("issuer:"+file), Env{Lookup: func(string) (string, bool) { return "s3cr3t", true }})
	if err != nil {
		t.Fatal(err)
	}
	if got.HintFormat != HintIssSub || got.Budgets.PerUserMinute.Notifications != 5 {
		t.Errorf("got %+v", got)
	}
}

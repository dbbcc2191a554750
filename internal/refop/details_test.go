package refop

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

const payment = `[{"type":"payment_initiation","instructedAmount":{"amount":"50.00","currency":"EUR"},"actions":["initiate","status"]}]`

func TestDetails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct{ name, client, details, description string }{
		{"good", "basic-a", payment, ""},
		{"empty", "basic-a", `[]`, ""},
		{"white space", "basic-a", " [ ] \n", ""},
		{"no JSON", "basic-a", `[`, "authorization_details is not JSON"},
		{"more than JSON", "basic-a", `[] []`, "authorization_details is not JSON"},
		{"null", "basic-a", `null`, "authorization_details is not an array"},
		{"object", "basic-a", `{"type":"payment_initiation"}`, "authorization_details is not an array"},
		{"strings", "basic-a", `["payment_initiation"]`, "every entry of authorization_details is an object"},
		{"no type", "basic-a", `[{}]`, "type is missing"},
		{"empty type", "basic-a", `[{"type":""}]`, "type is missing"},
		{"type 42", "basic-a", `[{"type":42}]`, "type is missing"},
		{"unknown type", "basic-a", `[{"type":"moon_landing"}]`, "unknown type"},
		{"type in capitals", "basic-a", `[{"type":"PAYMENT_INITIATION"}]`, "unknown type"},
		{"type of other clients", "payments-only", `[{"type":"account_information","actions":[]}]`, "the client may not use this type"},
		{"second one bad", "basic-a", payment[:len(payment)-1] + `,{"type":"x"}]`, "unknown type"},
		{"unknown member", "basic-a", `[{"type":"account_information","actions":[],"x":1}]`, "account_information has an unknown member"},
		{"no actions", "basic-a", `[{"type":"account_information"}]`, "account_information.actions is missing"},
		{
			"inner member missing", "basic-a", `[{"type":"payment_initiation","instructedAmount":{"amount":"1"}}]`,
			"payment_initiation.instructedAmount.currency is missing",
		},
		{
			"text for a list", "basic-a", `[{"type":"account_information","actions":"all"}]`,
			"account_information.actions has a value of the wrong type",
		},
		{
			"number in a list", "basic-a", `[{"type":"account_information","actions":[1]}]`,
			"account_information.actions[] has a value of the wrong type",
		},
		{
			"other text in a list", "basic-a", `[{"type":"account_information","actions":["steal"]}]`,
			"account_information.actions[] has a value that is not allowed",
		},
		{
			"text for a number", "basic-a", `[{"type":"account_information","actions":[],"limit":"1"}]`,
			"account_information.limit has a value of the wrong type",
		},
		{
			"null for a number", "basic-a", `[{"type":"account_information","actions":[],"limit":null}]`,
			"account_information.limit has a value of the wrong type",
		},
		{"large number", "basic-a", `[{"type":"account_information","actions":[],"limit":9007199254740993}]`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := b.post(PathStart, with(aliceSigns, "authorization_details", row.details), b.as(row.client))
			if answer.text("error_description") != row.description || answer.is(http.StatusOK) != (row.description == "") {
				t.Errorf("got %d %v, want %q", answer.status, answer.body, row.description)
			}
		})
	}
}

// What a token request, or a user, may narrow a request to.
func TestWithin(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, part, whole string
		want              bool
	}{
		{"same", `[{"type":"a","n":1}]`, `[{"type":"a","n":1}]`, true},
		{"nothing", `[]`, `[{"type":"a"}]`, true},
		{"nothing of nothing", `[]`, `[]`, true},
		{"one of two", `[{"type":"b"}]`, `[{"type":"a"},{"type":"b"}]`, true},
		{"fewer elements", `[{"type":"a","l":["x"]}]`, `[{"type":"a","l":["x","y"]}]`, true},
		{"fewer elements inside", `[{"o":{"l":[]}}]`, `[{"o":{"l":["x"]}}]`, true},
		{"something of nothing", `[{"type":"a"}]`, `[]`, false},
		{"more elements", `[{"type":"a","l":["x","z"]}]`, `[{"type":"a","l":["x","y"]}]`, false},
		{"another number", `[{"type":"a","n":2}]`, `[{"type":"a","n":1}]`, false},
		{"number written otherwise", `[{"n":1.0}]`, `[{"n":1}]`, false},
		{"member less", `[{"type":"a"}]`, `[{"type":"a","n":1}]`, false},
		{"member more", `[{"type":"a","n":1}]`, `[{"type":"a"}]`, false},
		{"another kind", `[{"l":["x"]}]`, `[{"l":"x"}]`, false},
	} {
		part, err := DecodeJSON(row.part)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := DecodeJSON(row.whole)
		if err != nil {
			t.Fatal(err)
		}
		if got := Within(part.([]any), whole.([]any)); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

// RFC 9396 6: a token request gets the part it asks for, and nothing beyond.
func TestNarrowing(t *testing.T) {
	t.Parallel()
	const part = `[{"type":"payment_initiation","instructedAmount":{"amount":"50.00","currency":"EUR"},"actions":["status"]}]`
	const more = `[{"type":"payment_initiation","instructedAmount":{"amount":"90.00","currency":"EUR"}}]`
	b := newBench(t)
	id := b.start("authorization_details", payment)
	b.decide(id, "allow")
	answer := b.post(PathToken, with(poll(id), "authorization_details", more), b.as("basic-a"))
	if answer.code() != "invalid_authorization_details" {
		t.Fatalf("beyond the grant: %d %v", answer.status, answer.body)
	}
	answer = b.post(PathToken, with(poll(id), "authorization_details", part), b.as("basic-a"))
	if got := actions(answer.body["authorization_details"]); got != 1 {
		t.Errorf("the token has %d actions, want 1: %v", got, answer.body)
	}
}

// A user may grant less than was asked; RFC 9396 3.
func TestPartialGrant(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start("authorization_details", payment)
	if status := b.decide(id, "allow", "authorization_details", `[{"type":"x"}]`); status != http.StatusBadRequest {
		t.Errorf("a grant of something else: %d", status)
	}
	const chosen = `[{"type":"payment_initiation","instructedAmount":{"amount":"50.00","currency":"EUR"},"actions":["initiate"]}]`
	if status := b.decide(id, "allow", "authorization_details", chosen); status != http.StatusNoContent {
		t.Fatalf("a grant of less: %d", status)
	}
	if answer := b.post(PathToken, poll(id), b.as("basic-a")); actions(answer.body["authorization_details"]) != 1 {
		t.Errorf("got %v", answer.body)
	}
}

// actions counts the actions of the first object.
func actions(details any) int {
	list, _ := details.([]any)
	if len(list) == 0 {
		return 0
	}
	object, _ := list[0].(map[string]any)
	names, _ := object["actions"].([]any)
	return len(names)
}

func TestCloneJSON(t *testing.T) {
	t.Parallel()
	value, err := DecodeJSON(`{"list":[{"n":1}]}`)
	if err != nil {
		t.Fatal(err)
	}
	clone := CloneJSON(value).(map[string]any)
	clone["list"].([]any)[0].(map[string]any)["n"] = "changed"
	if value.(map[string]any)["list"].([]any)[0].(map[string]any)["n"] == "changed" {
		t.Error("an edit of the copy reaches the original")
	}
}

// What --write-target writes as sample requests is taken, and comes back as it was asked for.
func TestSampleRequestsAreTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for kind, text := range fixtures.AuthorizationDetails() {
		want, err := DecodeJSON(string(text))
		if err != nil {
			t.Fatal(err)
		}
		answer := b.tokens("authorization_details", string(text))
		if !reflect.DeepEqual(answer.body["authorization_details"], want) {
			t.Errorf("%s: came back as %v", kind, answer.body["authorization_details"])
		}
	}
}

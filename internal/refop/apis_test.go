package refop

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

// brought is an OP whose reference registration has two APIs more, and is open to something.
func brought(t *testing.T, open Open) *bench {
	t.Helper()
	reg, err := ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	reg.Open = open
	reg.Nobody = []string{"ghost"}
	reg.APIs = []API{
		{Identifier: "urn:shop", Scopes: []string{"buy"}, Types: map[string]DetailsType{
			"basket": {Check: func(object map[string]any) error {
				if object["lines"] == nil {
					return errors.New("at '/lines': missing")
				}
				return nil
			}},
			"anything": {},
		}},
		{Identifier: "urn:granted", Access: RequireGrant},
		{Identifier: "urn:closed", Access: DenyAll},
	}
	for i := range reg.Clients {
		if reg.Clients[i].ID == "basic-a" {
			reg.Clients[i].APIs = []string{"urn:granted"}
		}
	}
	b := &bench{t: t}
	if b.op, err = New(reg, WithIssuer(testIssuer), WithPlan(b.remember)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.op.Close)
	b.handler = b.op.Handler()
	return b
}

func TestRegisteredAPIs(t *testing.T) {
	t.Parallel()
	b := brought(t, Open{})
	for _, row := range []struct {
		name, client string
		pairs        []string
		status       int
		code         string
	}{
		{"resource", "basic-a", []string{"resource", "urn:shop", "scope", "openid buy"}, 200, ""},
		{"audience", "basic-a", []string{"audience", "urn:shop", "scope", "openid buy"}, 200, ""},
		{"the usual one by name", "basic-a", []string{"resource", "https://api.reference.example"}, 200, ""},
		{"unknown", "basic-a", []string{"audience", "urn:nowhere"}, 400, "invalid_target"},
		{"scope of an API that is not asked for", "basic-a", []string{"scope", "openid buy"}, 400, "invalid_scope"},
		{"granted", "basic-a", []string{"audience", "urn:granted"}, 200, ""},
		{"not granted", "basic-b", []string{"audience", "urn:granted"}, 403, "access_denied"},
		{"closed", "basic-a", []string{"audience", "urn:closed"}, 403, "access_denied"},
		{"type of the API", "basic-a", []string{"audience", "urn:shop", "authorization_details", `[{"type":"basket","lines":[]}]`}, 200, ""},
		{"type without schema", "basic-a", []string{"audience", "urn:shop", "authorization_details", `[{"type":"anything","x":1}]`}, 200, ""},
		{"schema", "basic-a", []string{"audience", "urn:shop", "authorization_details", `[{"type":"basket"}]`}, 400, "invalid_authorization_details"},
		{"type of another API", "basic-a", []string{"authorization_details", `[{"type":"basket","lines":[]}]`}, 400, "invalid_authorization_details"},
		{
			"type the client may not use", "payments-only",
			[]string{"audience", "urn:shop", "authorization_details", `[{"type":"anything"}]`},
			400, "invalid_authorization_details",
		},
	} {
		got := b.post(PathStart, with(aliceSigns, row.pairs...), b.as(row.client))
		if got.status != row.status || got.code() != row.code {
			t.Errorf("%s: %d %v, want %d %s", row.name, got.status, got.body, row.status, row.code)
		}
	}
}

// The access token and introspection name the API that was asked for.
func TestTokensAreForTheAPI(t *testing.T) {
	t.Parallel()
	b := brought(t, Open{})
	for asked, want := range map[string]string{"urn:shop": "urn:shop", "": "https://api.reference.example"} {
		token := b.tokens("audience", asked).text("access_token")
		if aud := decoded(t, token).Claims["aud"]; aud != want {
			t.Errorf("asked for %q, the token is for %v", asked, aud)
		}
		told := b.post(PathIntrospect, url.Values{"token": {token}}, b.as("api"))
		if told.body["aud"] != want {
			t.Errorf("asked for %q, introspection tells %v", asked, told.body["aud"])
		}
	}
}

// The metadata tell of what the APIs have, and of nothing with an empty list.
func TestMetadataOfAPIs(t *testing.T) {
	t.Parallel()
	const place = "/.well-known/openid-configuration"
	doc := brought(t, Open{}).get(place).body
	scopes, _ := doc["scopes_supported"].([]any)
	types, _ := doc["authorization_details_types_supported"].([]any)
	if !slices.Contains(scopes, any("buy")) || !slices.Contains(types, any("basket")) || !slices.Contains(types, any("payment")) {
		t.Errorf("the metadata have the scopes %v and the types %v", scopes, types)
	}
	bare := brought(t, Open{})
	bare.op.reg.ACRValues, bare.op.reg.RARTypes, bare.op.reg.APIs = nil, nil, nil
	for name, value := range bare.get(place).body {
		if list, ok := value.([]any); ok && len(list) == 0 {
			t.Errorf("%s is an empty list", name)
		}
	}
}

// Each word opens one thing, and what is listed keeps its rules.
func TestOpen(t *testing.T) {
	t.Parallel()
	stranger := basic("stranger", "anything")
	for _, row := range []struct {
		name    string
		open    Open
		pairs   []string
		as      request
		refused string // the error where nothing is open
	}{
		{"clients", Open{Clients: true}, nil, stranger, "invalid_client"},
		{"users", Open{Users: true}, []string{"login_hint", "zoe"}, nil, "unknown_user_id"},
		{"APIs", Open{APIs: true}, []string{"audience", "urn:nowhere"}, nil, "invalid_target"},
		{"scopes", Open{Scopes: true}, []string{"scope", "openid moon"}, nil, "invalid_scope"},
		{"types", Open{Types: true}, []string{"authorization_details", `[{"type":"moon"}]`}, nil, "invalid_authorization_details"},
	} {
		for open, code := range map[Open]string{{}: row.refused, row.open: "", Everything: ""} {
			b := brought(t, open)
			as := row.as
			if as == nil {
				as = b.as("basic-a")
			}
			if got := b.post(PathStart, with(aliceSigns, row.pairs...), as); got.code() != code {
				t.Errorf("%s, open to %+v: %d %v, want %q", row.name, open, got.status, got.body, code)
			}
		}
	}
	b := brought(t, Everything)
	for name, got := range map[string]reply{
		"the secret of a listed client": b.post(PathStart, aliceSigns, basic("basic-a", "guess")),
		"a client without any secret":   b.post(PathStart, with(aliceSigns, "client_id", "stranger")),
		"the schema of a listed type": b.post(PathStart,
			with(aliceSigns, "authorization_details", `[{"type":"payment_initiation"}]`), stranger),
		"the API that is closed": b.post(PathStart, with(aliceSigns, "audience", "urn:closed"), stranger),
		"nobody":                 b.post(PathStart, with(aliceSigns, "login_hint", "ghost"), stranger),
	} {
		if got.is(http.StatusOK) {
			t.Errorf("%s does not count any more", name)
		}
	}
}

// A client that nobody registered is itself all the same: its requests are its own, whatever
// secret or assertion it shows.
func TestUnlistedClientsKeepTheirRequests(t *testing.T) {
	t.Parallel()
	b := brought(t, Everything)
	id := b.post(PathStart, aliceSigns, basic("one", "x")).text("auth_req_id")
	b.decide(id, "allow")
	if got := b.post(PathToken, poll(id), basic("two", "x")); got.code() != "invalid_grant" {
		t.Errorf("another client is answered %v", got.body)
	}
	got := b.post(PathToken, poll(id), basic("one", "y"))
	if !got.is(http.StatusOK) {
		t.Fatalf("its own client is answered %v", got.body)
	}
	again := b.post(PathToken, refresh(got.text("refresh_token")), basic("two", "x"))
	if again.code() != "invalid_grant" {
		t.Errorf("the refresh token of another client is answered %v", again.body)
	}
}

func TestUnlistedUsersHaveAnAddress(t *testing.T) {
	t.Parallel()
	b := brought(t, Everything)
	for name, email := range map[string]string{
		"zoe": "zoe@users.example", "auth0|zoe": "zoe@users.example", "zoe@home.example": "zoe@home.example", "a b\"c": "a-b-c@users.example",
	} {
		if u := b.op.UserByLogin(name); u == nil || u.Email != email || u.Sub != name {
			t.Errorf("%q is %+v, want %s", name, u, email)
		}
	}
	if u := b.op.UserBySubject("u-1001"); u.LoginHint != "alice" {
		t.Errorf("u-1001 is %+v", u)
	}
}

package reports

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// sample is a run in which everything a report can show happens once.
func sample() result.Run {
	run := result.Run{
		Version: result.Version, Kind: "conformance",
		Tool: result.Tool{Name: "cibatest", Version: "v1.2.3", Commit: "0f1e2d3c4b5a"},
		Target: result.Target{
			Issuer: "https://op.example.com/tenant", Product: "Example OP 4.2", Persona: "core",
			Capabilities: map[string]result.Capability{
				"poll":      {Has: true, Reason: "backchannel_token_delivery_modes_supported"},
				"user_code": {Reason: "discovery says user_code is not supported"},
			},
			Configuration: map[string]any{
				"issuer":  "https://op.example.com/tenant",
				"clients": []any{map[string]any{"name": "poll-basic", "client_secret": "[secret]", "ciba": true}},
				"budgets": map[string]any{"concurrency": 64},
			},
		},
		Started:    time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC),
		DurationMS: 43_250,
		Timing:     result.Timing{CriticalPathMS: 41_000, WallMS: 43_250, SumMS: 488_120},
		Selection:  result.Selection{Concurrency: 64},
		Seed:       42,
		Verdict:    result.NonConformant,
		Profiles: []result.Profile{
			{
				ID: "poll", Title: "CIBA Core, poll", Claim: result.ClaimTarget, Because: `client "poll-basic" is for poll`, Verdict: result.NonConformant,
				Counts: true, MUSTs: 6, Judged: 3, Failed: 1, Warned: 1, Minimum: 2, Missing: []string{"CIBA-11-DENIED"},
				NotTestable: []result.NotTestable{
					{Reason: "deny: approval.kind is none, so nobody decides", Requirements: []string{"CIBA-11-DENIED", "CIBA-11-DENIED-FINAL"}},
					{Reason: "tls_probe: the issuer is plain http", Requirements: []string{"CIBA-7-TLS-VERSIONS"}},
				},
			},
			{
				ID: "ping", Title: "CIBA Core, ping", Claim: result.ClaimMetadata, Because: "backchannel_token_delivery_modes_supported has ping",
				Verdict: result.NoVerdict, MUSTs: 4, Minimum: 1, Missing: []string{"CIBA-10.2-PING-BODY"},
				OtherModes: []result.OtherMode{{
					Mode: "poll", Requirements: []string{"CIBA-4-DISC-MODES", "CIBA-7.3-ACK-STATUS"}, Failed: []string{"CIBA-7.3-ACK-STATUS"},
				}},
				NotTestable: []result.NotTestable{{Reason: "no client is for ping", Requirements: []string{"CIBA-10.2-PING-BODY", "CIBA-10.2-PING-BEARER"}}},
			},
		},
		Command: "cibatest conform --target op.yaml --seed 42",
		Texts: []result.Text{
			{Name: "CIBA Core 1.0", Title: "OpenID Connect CIBA, Core 1.0", Edition: "final, 1 September 2021"},
			{Name: "RFC 9396", Title: "OAuth 2.0 Rich Authorization Requests", Edition: "RFC 9396"},
		},
		Notes: []string{"the OP is reached by plain http on loopback"},
	}
	run.Cases = []result.Case{
		{
			ID: "metadata-modes", Title: "lists the token delivery modes", Area: "discovery", Requirements: []string{"CIBA-4-DISC-MODES"},
			Outcome: result.Pass, DurationMS: 12, Exchanges: []result.Exchange{discovery()},
		},
		{
			ID: "token-pending", Title: "is authorization_pending while the user has not decided", Area: "polling",
			Requirements: []string{"CIBA-11-PENDING"}, Client: "poll-basic", User: "alice", Outcome: result.Fail,
			Message: "CIBA-11-PENDING (MUST): want 400 with error authorization_pending, got 400 slow_down",
			Findings: []result.Finding{{
				Outcome: result.Fail, Clause: "CIBA-11-PENDING (MUST)", Requirement: "CIBA-11-PENDING", Gravity: result.WrongCode,
				Expected: "400 with error authorization_pending", Actual: "400 slow_down", Says: "poll <b>less</b>",
				Change: "answer error authorization_pending instead of slow_down", Exchange: 2,
				Seen: &result.Seen{
					Endpoint: "token request", Status: 400, Error: "slow_down", WantStatus: []int{400}, WantError: []string{"authorization_pending"},
				},
			}},
			StartedMS: 15, DurationMS: 5_020, Reproduce: "cibatest conform --target op.yaml token-pending",
			Exchanges: []result.Exchange{acknowledgement(), poll(400, `{"error":"slow_down","error_description":"poll <b>less</b>"}`)},
		},
		{
			ID: "token-slow-down", Title: "adds five seconds after slow_down", Area: "polling",
			Requirements: []string{"CIBA-11-SLOW-DOWN", "CIBA-11-PENDING"}, Client: "poll-jwt", User: "bob", Outcome: result.Warn,
			FirstTry: "a backchannel authentication request that should be accepted was refused: 500 server_error",
			Message:  "CIBA-11-SLOW-DOWN (SHOULD): want slow_down, got authorization_pending",
			Findings: []result.Finding{
				{Outcome: result.Warn, Clause: "CIBA-11-SLOW-DOWN (SHOULD)", Gravity: result.WrongEffect, Expected: "the second poll: slow_down", Actual: "400 authorization_pending", Why: "the text says SHOULD", Exchange: 1},
				{Outcome: result.Warn, Clause: "CIBA-11-SLOW-DOWN (SHOULD)", Expected: "the third poll: slow_down", Actual: "400 authorization_pending", Exchange: 2},
			},
			StartedMS: 20, DurationMS: 11_000, Reproduce: "cibatest conform --target op.yaml token-slow-down",
			Exchanges: []result.Exchange{poll(400, `{"error":"authorization_pending"}`), poll(400, `{"error":"authorization_pending"}`), tokens()},
		},
		{
			ID: "token-expired", Title: "is expired_token when the user never decided", Area: "expiry", Requirements: []string{"CIBA-11-EXPIRED"},
			Client: "poll-basic", User: "carol", Outcome: result.Error, Message: "the token endpoint did not answer", Reason: "the token endpoint did not answer",
			StartedMS: 20, DurationMS: 30_000, Reproduce: "cibatest conform --target op.yaml token-expired",
			Exchanges: []result.Exchange{acknowledgement(), {Label: "token request", StartedMS: 25_000, DurationMS: 5_000, Request: poll(0, "").Request, Error: "reading the answer: timeout after 5s"}},
		},
		{
			ID: "rar-unknown-type", Title: "refuses an unknown type", Area: "rar", Requirements: []string{"RFC9396-5-UNKNOWN-TYPE"},
			Client: "poll-basic", User: "alice", Outcome: result.Fail, Message: "RFC9396-5-UNKNOWN-TYPE (MUST): want 400, got 200 with auth_req_id",
			Findings: []result.Finding{{Outcome: result.Fail, Clause: "RFC9396-5-UNKNOWN-TYPE (MUST), deduced from RFC 9396 §5", Expected: "400 with error invalid_authorization_details", Actual: "200 with auth_req_id", Exchange: 1}},
			Known:    "the product ignores types it does not know; ticket 4711", DurationMS: 31, Reproduce: "cibatest conform --target op.yaml rar-unknown-type",
			Exchanges: []result.Exchange{acknowledgement()},
		},
		{
			ID: "ack-interval", Title: "names the interval", Area: "acknowledgement", Requirements: []string{"CIBA-7.3-INTERVAL"}, Client: "poll-basic",
			Outcome: result.Info, Message: "CIBA-7.3-INTERVAL (MAY): no interval",
			Findings:   []result.Finding{{Outcome: result.Info, Clause: "CIBA-7.3-INTERVAL (MAY)", Expected: "an interval may be named", Actual: "none", Exchange: 1}},
			DurationMS: 22, Exchanges: []result.Exchange{acknowledgement()},
		},
		{
			ID: "user-code-wrong", Title: "refuses a wrong user code", Area: "user-code", Requirements: []string{"CIBA-7.1-USER-CODE-WRONG"},
			Outcome: result.Skip, Reason: "user_code: discovery says user_code is not supported",
		},
		{
			ID: "user-code-missing", Title: "refuses a missing user code", Area: "user-code", Requirements: []string{"CIBA-7.1-USER-CODE-MISSING"},
			Outcome: result.Skip, Reason: "user_code: discovery says user_code is not supported",
		},
	}
	run.Requirements = []result.Requirement{
		clauseOf("CIBA-4-DISC-MODES", "MUST", "discovery", "CIBA Core 1.0 §4", result.Pass, "Provider metadata lists the token delivery modes.", "metadata-modes"),
		clauseOf("CIBA-7.3-INTERVAL", "MAY", "acknowledgement", "CIBA Core 1.0 §7.3", result.Info, "The acknowledgement may name an interval.", "ack-interval"),
		clauseOf("CIBA-11-PENDING", "MUST", "polling", "CIBA Core 1.0 §11", result.Fail, "While the end-user has not decided, the token endpoint answers authorization_pending.", "token-pending", "token-slow-down"),
		clauseOf("CIBA-11-SLOW-DOWN", "SHOULD", "polling", "CIBA Core 1.0 §11", result.Warn, "A client that polls too fast is told slow_down.", "token-slow-down"),
		clauseOf("CIBA-11-EXPIRED", "MUST", "expiry", "CIBA Core 1.0 §11", result.Error, "After expires_in the token endpoint answers expired_token.", "token-expired"),
		clauseOf("RFC9396-5-UNKNOWN-TYPE", "MUST", "rar", "RFC 9396 §5", result.Fail, "An unknown type of authorization details is refused.", "rar-unknown-type"),
		clauseOf("CIBA-7.1-USER-CODE-WRONG", "MUST", "user-code", "CIBA Core 1.0 §13", result.Skip, "A wrong user code is refused.", "user-code-wrong"),
		clauseOf("CIBA-7.1-USER-CODE-MISSING", "MUST", "user-code", "CIBA Core 1.0 §13", result.Skip, "A missing user code is refused.", "user-code-missing"),
		{ID: "CIBA-10.2-PING", Level: "MUST", Area: "ping", Source: "CIBA Core 1.0 §10.2", Text: "The OP calls the client notification endpoint.", Outcome: result.Uncovered, Cases: []string{}, Reason: "ping mode is not judged so far"},
	}
	run.Requirements[2].Links = []result.Link{{Text: "CIBA Core 1.0 §11", URL: "https://openid.net/specs/ciba.html#rfc.section.11"}}
	run.Requirements[3].Notes = []result.Note{note("N-04", "How much slow_down adds"), note("N-03", "Polling too fast")}
	run.Requirements[8].Notes = []result.Note{note("N-27", "Repeated notifications")}
	run.Summary = result.Summarise(run.Cases)
	return run
}

func note(id, title string) result.Note {
	return result.Note{ID: id, Title: title, Text: []string{"No text settles it.", "What cibatest does: it records what was seen.", "Sources: CIBA Core 11."}}
}

func clauseOf(id, level, area, source string, outcome result.Outcome, text string, cases ...string) result.Requirement {
	return result.Requirement{ID: id, Level: level, Area: area, Source: source, Text: text, Outcome: outcome, Cases: cases}
}

func discovery() result.Exchange {
	body := `{"issuer":"https://op.example.com/tenant","backchannel_token_delivery_modes_supported":["poll"]}`
	return result.Exchange{
		Label: "discovery", StartedMS: 1, DurationMS: 3.25, Note: "shared with other cases",
		Request:  result.Message{Method: "GET", URL: "https://op.example.com/tenant/.well-known/openid-configuration?a=1&a=2%20x", Headers: []result.Header{{Name: "Accept", Value: "application/json"}}},
		Response: &result.Message{Status: 200, Headers: []result.Header{{Name: "Content-Type", Value: "application/json"}}, Body: body, BodyBytes: len(body)},
	}
}

func acknowledgement() result.Exchange {
	body := `{"auth_req_id":"[masked:3f9a10]","expires_in":120,"interval":5}`
	return result.Exchange{
		Label: "backchannel authentication request", Client: "poll-basic", StartedMS: 16, DurationMS: 8.5,
		Request:  request("https://op.example.com/tenant/bc", "scope=openid&login_hint=alice&binding_message=AB12CD34"),
		Response: &result.Message{Status: 200, Headers: []result.Header{{Name: "Content-Type", Value: "application/json"}}, Body: body, BodyBytes: 71},
	}
}

func poll(status int, body string) result.Exchange {
	return result.Exchange{
		Label: "token request", StartedMS: 5_030, DurationMS: 2.125,
		Request:  request("https://op.example.com/tenant/token", "grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=%5Bmasked%3A3f9a10%5D"),
		Response: &result.Message{Status: status, Headers: []result.Header{{Name: "Content-Type", Value: "application/json"}}, Body: body, BodyBytes: len(body)},
	}
}

// tokens is a poll that brought an ID Token.
func tokens() result.Exchange {
	x := poll(200, `{"access_token":"[masked:77b0c1]","id_token":"[masked:12ab34]","token_type":"Bearer"}`)
	x.Response.Tokens = []result.Token{
		{Name: "id_token", Mark: "[masked:12ab34]", Header: `{"alg":"RS256","kid":"k1"}`, Claims: `{"iss":"https://op.example.com/tenant","sub":"alice","aud":["agent"]}`},
		{Name: "access_token", Mark: "[masked:77b0c1]", Header: `{"alg":"dir","enc":"A128GCM"}`},
	}
	return x
}

func request(url, body string) result.Message {
	return result.Message{
		Method: "POST", URL: url, Body: body, BodyBytes: len(body),
		Headers: []result.Header{{Name: "Authorization", Value: "Basic [masked:d4aaf0]"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
	}
}

// poison is text that acts wherever it is not quoted: in HTML, on a terminal, in
// Markdown, in XML, in JSON.
const poison = `<script>window.acted=1</script>"'><img src=x onerror=window.acted=1></style></script>]]>&amp;` +
	"\x1b[31m\x1b]0;title\x07\r\n\u202eevil\u2066\u200b\x00\x7f\u0085\u2028\xff\xfe``` `` ` | a | b |\n| --- |\n# h\n@everyone #1 [x](javascript:window.acted=1) https://evil.example www.evil.example ::set-output name=x::y <!-- ${{x}} {{.}}"

// hostile is the poisoned sample with a megabyte in some places.
func hostile() result.Run {
	big := poison + strings.Repeat("A<\u202e\x1b", 200_000)
	run := poisoned()
	run.Cases[1].Exchanges[1].Response.Body = big
	run.Cases[1].Title = big
	run.Cases[1].Findings[0].Actual = big
	run.Target.Issuer = big
	return run
}

// poisoned is the sample with every text poisoned, outcomes excepted, so that
// every part of a report is there.
func poisoned() result.Run {
	run := sample()
	run.Selection.Arguments, run.Selection.LabelFilter = []string{"rar"}, "!slow"
	run.Baseline = &result.Baseline{File: "known.yaml", Problems: []result.BaselineProblem{{Entry: "token-reuse", Kind: result.Stale, Text: "is pass now"}}}
	poisonAll(reflect.ValueOf(&run).Elem())
	run.Version, run.Kind = result.Version, "conformance"
	return run
}

// poisonAll appends poison to every text that is there and is no outcome.
func poisonAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.String() != "" {
			v.SetString(v.String() + poison)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			poisonAll(field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poisonAll(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			poisonAll(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			c := reflect.New(v.Elem().Type()).Elem()
			c.Set(v.Elem())
			poisonAll(c)
			v.Set(c)
		}
	case reflect.Map:
		old := v.MapKeys()
		for _, key := range old {
			k, value := reflect.New(key.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
			k.Set(key)
			value.Set(v.MapIndex(key))
			poisonAll(k)
			poisonAll(value)
			v.SetMapIndex(key, reflect.Value{})
			v.SetMapIndex(k, value)
		}
	}
}

// render is one format under test.
type render struct {
	name, golden string
	write        func(*bytes.Buffer, result.Run) error
}

var renders = []render{
	{"html", "sample.html", func(b *bytes.Buffer, r result.Run) error { return HTML(b, r) }},
	{"junit", "sample.junit.xml", func(b *bytes.Buffer, r result.Run) error { return JUnit(b, r) }},
	{"markdown", "sample.md", func(b *bytes.Buffer, r result.Run) error { return Markdown(b, r) }},
	{"badge", "sample.badge.json", func(b *bytes.Buffer, r result.Run) error { return Badge(b, r) }},
	{"text", "sample.txt", func(b *bytes.Buffer, r result.Run) error { return Text(b, r, TextOptions{}) }},
	{"statement", "sample.statement.html", func(b *bytes.Buffer, r result.Run) error { return Statement(b, r, sampleSource) }},
	{"text in colour", "sample.color.txt", func(b *bytes.Buffer, r result.Run) error { return Text(b, r, TextOptions{Color: true, Width: 60}) }},
}

var sampleSource = Source{File: "run.json", SHA256: strings.Repeat("5e", 32)}

func rendered(t testing.TB, r render, run result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.write(&b, run); err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return b.String()
}

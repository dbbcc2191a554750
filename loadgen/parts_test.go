package loadgen

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"pgregory.net/rapid"
)

// Whatever is put into the ring and whenever, it comes out once, never before it
// is due, and at most a millisecond after.
func TestRing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, r := newArena(), newRing()
		now := int64(0)
		waiting := map[uint32]int64{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") {
				i := a.take()
				a.at(i).due = now + rapid.Int64Range(-1_000_000, 600_000_000_000).Draw(t, "due")
				waiting[i] = a.at(i).due
				r.push(&a, i)
			}
			now += rapid.Int64Range(0, 2_000_000_000).Draw(t, "step")
			for {
				i, ok := r.pop(&a, now)
				if !ok {
					break
				}
				due, there := waiting[i]
				if !there || due > now {
					t.Fatalf("flow %d came out at %d, due %d, waiting %v", i, now, due, there)
				}
				delete(waiting, i)
			}
			for i, due := range waiting {
				if due+1_000_000 <= now {
					t.Fatalf("flow %d is overdue: due %d, now %d", i, due, now)
				}
			}
			if r.n != len(waiting) {
				t.Fatalf("the ring counts %d, %d are waiting", r.n, len(waiting))
			}
		}
	})
}

func TestArenaKeepsLongIDs(t *testing.T) {
	t.Parallel()
	a := newArena()
	for _, length := range []int{1, inlineID, inlineID + 1, 2000} {
		i := a.take()
		id := strings.Repeat("x", length)
		a.setID(i, id)
		if a.id(i) != id || string(a.appendID(nil, i)) != id {
			t.Errorf("an id of %d characters is lost", length)
		}
		a.release(i)
		if j := a.take(); j != i || a.id(j) != "" {
			t.Errorf("the place was not given out clean")
		}
	}
}

func TestReferenceComesBack(t *testing.T) {
	t.Parallel()
	for _, j := range []job{{kind: jobPoll, flow: 0}, {kind: jobStart, flow: 4294967294}} {
		got, ok := referred(reference("https://op.example/token?a=b", j))
		if !ok || got.kind != j.kind || got.flow != j.flow {
			t.Errorf("%+v came back as %+v", j, got)
		}
	}
	for _, bad := range []string{"", "https://op.example", "https://op.example#", "https://op.example#px"} {
		if _, ok := referred(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		starts bool
		status int
		body   string
		want   kind
	}{
		{"acknowledgement", true, 200, `{"auth_req_id":"a","expires_in":120}`, acknowledged},
		{"acknowledgement, numbers as strings", true, 201, `{"auth_req_id":"a","expires_in":"120","interval":"2"}`, acknowledged},
		{"acknowledgement without an id", true, 200, `{"expires_in":120}`, broken},
		{"refused start", true, 400, `{"error":"unknown_user_id"}`, refused},
		{"forbidden start", true, 403, `{"error":"access_denied"}`, refused},
		{"tokens", false, 200, `{"access_token":"t"}`, tokens},
		{"only an ID Token", false, 200, `{"id_token":"t"}`, tokens},
		{"no tokens", false, 200, `{}`, broken},
		{"pending", false, 400, `{"error":"authorization_pending"}`, pending},
		{"pending, status of a dialect", false, 403, `{"error":"authorization_pending"}`, pending},
		{"slow down", false, 400, `{"error":"slow_down"}`, slowDown},
		{"slow down, status of a dialect", false, 429, `{"error":"slow_down","interval":10}`, slowDown},
		{"denied", false, 400, `{"error":"access_denied"}`, denied},
		{"expired", false, 400, `{"error":"expired_token"}`, expired},
		{"unknown id", false, 400, `{"error":"invalid_grant"}`, refused},
		{"overloaded", false, 503, `<html>busy</html>`, fault},
		{"overloaded, in the form of OAuth", false, 503, `{"error":"temporarily_unavailable"}`, fault},
		{"too many", false, 429, ``, fault},
		{"a page", false, 404, `<html>`, broken},
		{"JSON but not of the protocol", false, 400, `{"message":"no"}`, broken},
		{"not an object", false, 400, `["error"]`, broken},
		{"hostile error", false, 400, `{"error":"<script>\u0000"}`, refused},
		{"no answer", false, 0, ``, fault},
	} {
		var r reader
		for range 2 { // the second time by memory
			a := r.read(c.starts, c.status, http.Header{}, []byte(c.body), time.Now())
			if a.kind != c.want {
				t.Errorf("%s: kind %d, want %d", c.name, a.kind, c.want)
			}
			if strings.ContainsAny(a.code, "<\x00") {
				t.Errorf("%s: the code %q is not harmless", c.name, a.code)
			}
		}
	}
	var r reader
	a := r.read(true, 200, http.Header{"Retry-After": {"7"}}, []byte(`{"auth_req_id":"a","expires_in":"90","interval":0.5}`), time.Now())
	if a.expiresIn != 90*time.Second || a.interval != 500*time.Millisecond || a.retryAfter != 7*time.Second {
		t.Errorf("%+v", a)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(false, 400, []byte(`{"error":"authorization_pending"}`))
	f.Add(true, 200, []byte(`{"auth_req_id":"a","expires_in":1e99}`))
	f.Fuzz(func(_ *testing.T, starts bool, status int, body []byte) {
		var r reader
		r.read(starts, status, http.Header{}, body, time.Now())
		r.read(starts, status, http.Header{}, body, time.Now())
	})
}

func TestEntropy(t *testing.T) {
	t.Parallel()
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", rand.Uint32(), rand.IntN(1<<16), rand.IntN(1<<12), 0x8000|rand.IntN(1<<14), rand.Int64N(1<<48))
	}
	base64id := func() string {
		var b [22]byte
		for i := range b {
			b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[rand.IntN(64)]
		}
		return string(b[:])
	}
	n := 0
	for name, c := range map[string]struct {
		make func() string
		poor bool
	}{
		"random UUID": {uuid, false}, "22 characters of base64url": {base64id, false},
		"a counter":          {func() string { n++; return fmt.Sprintf("request-%012d", n) }, true},
		"a time and a digit": {func() string { n++; return fmt.Sprintf("%d.%d", 1790000000000+n, rand.IntN(10)) }, true},
		"64 random bits":     {func() string { return fmt.Sprintf("%016x", rand.Uint64()) }, true},
	} {
		var e entropy
		for range 1000 {
			e.add(c.make())
		}
		bits, known := e.bits()
		if !known || (bits < entropyOfRules) != c.poor {
			t.Errorf("%s: at most %.0f bits", name, bits)
		}
	}
	var few entropy
	few.add("same")
	if _, known := few.bits(); known {
		t.Error("one id was judged")
	}
}

func TestIDSet(t *testing.T) {
	t.Parallel()
	s := newIDSet()
	for i := range 20_000 {
		if s.add(fmt.Sprint(i)) {
			t.Fatalf("%d is called a repetition", i)
		}
	}
	for i := range 20_000 {
		if !s.add(fmt.Sprint(i)) {
			t.Fatalf("the repetition of %d is not noticed", i)
		}
	}
	s.now, s.last = hashSet{}, s.now
	if !s.add("17") {
		t.Error("an id of the last generation is forgotten")
	}
}

func TestFlowIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(flow{}); size > 104 {
		t.Errorf("a flow takes %d bytes", size)
	}
}

func TestTemplateTellsFlowsApart(t *testing.T) {
	t.Parallel()
	p, err := NewTemplate(`{"type":"pay","amount":"{amount}","note":"{flow}","actions":["a","b"]}`, "run")
	if err != nil {
		t.Fatal(err)
	}
	if other := p.foreign(p.fill(17), 17); other != "" {
		t.Errorf("a flow's own details are called those of %s", other)
	}
	if other := p.foreign(p.fill(170), 17); other != "170" {
		t.Errorf("the details of flow 170 are called those of %q", other)
	}
	var own []any
	_ = json.Unmarshal([]byte(p.fill(17)), &own)
	for text, agreed := range map[string]bool{
		p.fill(17): true,
		`[{"type":"pay","amount":"1.17","note":"run-17","actions":["a"],"account":"added by the OP"}]`: true,
		`[{"type":"pay","note":"run-17"}]`:                                      true,
		`[{"type":"pay","amount":"9999.00","note":"run-17","actions":["a"]}]`:   false,
		`[{"type":"pay","amount":"1.17","note":"run-17","actions":["delete"]}]`: false,
		`["pay"]`: false,
	} {
		var granted []any
		_ = json.Unmarshal([]byte(text), &granted)
		if got := agree(own[0], granted[0]); got != agreed {
			t.Errorf("%s agrees: %v, want %v", text, got, agreed)
		}
	}
	for _, bad := range []string{"", "{}", `{"type":"pay"}`, `{"note":"{flow}"}`, `[]`} {
		if _, err := NewTemplate(bad, "run"); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"u-1"}`)) + ".x"
	for text, want := range map[string]string{token: "u-1", "": "", "a.b.c": "", "a.b.c.d.e": "", "e30.!.x": ""} {
		if got := subjectOf(text); got != want {
			t.Errorf("%q has the subject %q, want %q", text, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	total := newTally()
	for i := range 100 {
		total.record(classRedeemCorrected, int64(i+1)*1_000_000)
		total.record(classRedeem, 1_000_000)
	}
	total.count(result.CountStarted, 200)
	total.count(result.CountAsWanted, 199)
	total.count(result.CountOffered, 200)
	for text, held := range map[string]bool{
		"redeem.p99<300ms": true, "redeem.p99<50ms": false, "redeem.service.p99.9<2ms": true, "redeem.p50>=50ms": true, "redeem.max<0.101s": true,
		"violations==0": true, "flow.success>99.4%": true, "flow.success>99.5%": false, "achieved==100%": true, "initiate.p99<1s": false,
	} {
		o, err := ParseObjective(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := o.judge(total); got.Held != held {
			t.Errorf("%s: held %v, actual %s", text, got.Held, got.Actual)
		}
	}
	for _, bad := range []string{"", "redeem", "redeem.p99<300", "redeem.p98<3ms", "violations==0%", "nothing.p99<1ms", "flow.success>99.5", "redeem.p99=1ms"} {
		if _, err := ParseObjective(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestAbortWaitsItsTime(t *testing.T) {
	t.Parallel()
	a, err := ParseAbort("error_rate>20% for 3s")
	if err != nil {
		t.Fatal(err)
	}
	bad, good := newTally(), newTally()
	bad.count(result.CountRequests, 10)
	bad.count(result.CountErrors, 5)
	good.count(result.CountRequests, 10)
	for i, c := range []struct {
		t     *tally
		abort bool
	}{{bad, false}, {bad, false}, {good, false}, {bad, false}, {bad, false}, {bad, true}} {
		if got := a.window(c.t); got != c.abort {
			t.Errorf("second %d: abort %v", i+1, got)
		}
	}
	for _, text := range []string{"error_rate>20% for soon", "error_rate for 3s", "x>1 for 2s", "error_rate>20% for 1ms"} {
		if _, err := ParseAbort(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestCare(t *testing.T) {
	t.Parallel()
	at := func(persona, host string) *targetfile.Target {
		return &targetfile.Target{Persona: persona, Endpoints: targetfile.Endpoints{BackchannelAuthentication: "https://" + host + "/bc", Token: "https://" + host + "/token"}}
	}
	hook := func(address string) *targetfile.Target {
		tgt := at("core", "localhost:9")
		tgt.Approval.URL = address
		return tgt
	}
	plan := func(rate string, pending int) *Plan {
		a, err := ParseRate(rate, 10*time.Second, nil)
		if err != nil {
			t.Fatal(err)
		}
		return &Plan{Arrivals: a, Duration: 10 * time.Second, MaxPending: pending}
	}
	for _, c := range []struct {
		name    string
		target  *targetfile.Target
		plan    *Plan
		consent Consent
		says    string // empty: allowed
	}{
		{"loopback", at("core", "127.0.0.1:9"), plan("5000/s", 0), Consent{}, ""},
		{"localhost", at("core", "localhost:9"), plan("5000/s", 0), Consent{}, ""},
		{"a stranger", at("core", "op.example"), plan("1/s", 100), Consent{}, "--i-own-this-target op.example"},
		{"a name below localhost", at("core", "evil.localhost:9"), plan("1/s", 100), Consent{}, "--i-own-this-target evil.localhost"},
		{"a stranger's device", at("core", "localhost:9"), plan("1/s", 100), Consent{Device: "http://devbox.test:7998"}, "--i-own-this-target devbox.test"},
		{"own device", at("core", "localhost:9"), plan("1/s", 100), Consent{Device: "http://127.0.0.1:7998"}, ""},
		{"a stranger's hook", hook("http://op.test/decide?id={auth_req_id}"), plan("1/s", 100), Consent{}, "--i-own-this-target op.test"},
		{"own hook", hook("http://localhost/{user}?id={auth_req_id}"), plan("1/s", 100), Consent{}, ""},
		{"a hook wherever the user's name points", hook("http://{user}.evil.test/x"), plan("1/s", 100), Consent{}, "the host of"},
		{"agents", at("core", "op.example"), &Plan{Agents: 1000, Duration: time.Second, MaxPending: 100}, Consent{Hosts: []string{"op.example"}}, ""},
		{"another host's consent", at("core", "op.example"), plan("1/s", 100), Consent{Hosts: []string{"example"}}, "--i-own-this-target op.example"},
		{"own", at("core", "op.example"), plan("1/s", 100), Consent{Hosts: []string{"op.example"}}, ""},
		{"own, too fast", at("core", "op.example"), plan("500/s", 100), Consent{Hosts: []string{"op.example"}}, "--lift-caps"},
		{"own, too fast at its peak", at("core", "op.example"), plan("1/s..200/s", 100), Consent{Hosts: []string{"op.example"}}, "--lift-caps"},
		{"own, lifted", at("core", "op.example"), plan("500/s", 100), Consent{Hosts: []string{"op.example"}, LiftCaps: true}, ""},
		{"auth0 without approval", at("auth0", "t.auth0.example"), plan("1/s", 100), Consent{Hosts: []string{"t.auth0.example"}}, "--written-approval"},
		{"auth0 too fast, lifted", at("auth0", "t.auth0.example"), plan("10/s", 100), Consent{Hosts: []string{"t.auth0.example"}, Approval: "case 1", LiftCaps: true}, "600 starts a minute"},
		{"auth0 too many pending", at("auth0", "t.auth0.example"), plan("5/s", 6000), Consent{Hosts: []string{"t.auth0.example"}, Approval: "case 1"}, "5000"},
		{"auth0", at("auth0", "t.auth0.example"), plan("5/s", 5000), Consent{Hosts: []string{"t.auth0.example"}, Approval: "case 1"}, ""},
	} {
		err := Care(c.target, c.plan, c.consent)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
		foreign := strings.Contains(c.target.Endpoints.Token, "example")
		if c.says == "" && (foreign && !c.consent.LiftCaps) != (c.plan.PerMinute > 0) {
			t.Errorf("%s: the run may start %.0f flows a minute", c.name, c.plan.PerMinute)
		}
	}
}

func TestPollersAreNeverEarly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		due := rapid.Int64Range(0, 1<<50).Draw(t, "due")
		p := Pollers{Jitter: time.Duration(rapid.Int64Range(0, 1<<32).Draw(t, "jitter")), Sync: time.Duration(rapid.Int64Range(0, 1<<34).Draw(t, "sync"))}
		at := p.spread(due, rapid.Float64Range(0, 1).Draw(t, "chance"))
		if at < due || p.Sync > 0 && at%int64(p.Sync) != 0 {
			t.Fatalf("due %d is sent at %d", due, at)
		}
	})
}

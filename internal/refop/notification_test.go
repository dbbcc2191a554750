package refop

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// cnt is the parameter with the token that the OP has to call with.
const cnt = "client_notification_token"

// called is a call that a client has received.
type called struct {
	at     time.Time
	url    string
	header http.Header
	body   string
}

// clients are the notification endpoints of all clients. They answer as they are told.
type clients struct {
	calls   []called
	answers []int // one after the other, the last for all that follow; 0: cannot be reached; none: 204
}

func (c *clients) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.calls = append(c.calls, called{time.Now(), r.Method + " " + r.URL.String(), r.Header, string(body)})
	status := http.StatusNoContent
	if len(c.answers) > 0 {
		status = c.answers[0]
		c.answers = c.answers[min(1, len(c.answers)-1):]
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	answer := &http.Response{StatusCode: status, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: http.NoBody}
	return answer, nil
}

// notified runs a test in a bubble, with an OP that calls its clients.
func notified(t *testing.T, test func(b *bench, c *clients), changes ...func(*Plan)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, c := newBench(t, changes...), &clients{}
		b.op.clientsBy = c
		for _, id := range []string{"ping-a", "push-a", "push-b", "basic-a"} {
			b.op.clients[id].NotificationEndpoint = "https://" + id + ".example/cb"
		}
		test(b, c)
		b.op.Close()
	})
}

// begin begins a flow of a client that is notified.
func (b *bench) begin(client string, pairs ...string) (id string) {
	b.t.Helper()
	auth := b.as(client)
	form := with(aliceSigns, append([]string{cnt, "the-token"}, pairs...)...)
	if b.op.Client(client).AuthMethod == MethodPost {
		auth = func(*http.Request) {}
		form = with(form, "client_id", client, "client_secret", b.op.Client(client).Secret)
	}
	answer := b.post(PathStart, form, auth)
	if !answer.is(http.StatusOK) {
		b.t.Fatalf("start: %d %v", answer.status, answer.body)
	}
	_, hasInterval := answer.body["interval"]
	if wants := b.op.Client(client).DeliveryMode != DeliveryPush; hasInterval != wants {
		b.t.Errorf("interval in the acknowledgement of %s: %v, want %v", client, hasInterval, wants)
	}
	return answer.text("auth_req_id")
}

// one is the only call there was.
func one(t *testing.T, c *clients) (call called, body map[string]any) {
	t.Helper()
	synctest.Wait()
	if len(c.calls) != 1 {
		t.Fatalf("%d calls, want one: %+v", len(c.calls), c.calls)
	}
	call = c.calls[0]
	value, err := DecodeJSON(call.body)
	if err != nil {
		t.Fatal(err)
	}
	if call.header.Get("Authorization") != "Bearer the-token" || call.header.Get("Content-Type") != "application/json" {
		t.Errorf("called with %v", call.header)
	}
	return call, value.(map[string]any)
}

func TestPing(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"allow": "", "deny": "access_denied"} {
		notified(t, func(b *bench, c *clients) {
			id := b.begin("ping-a")
			if answer := b.post(PathToken, poll(id), b.as("ping-a")); answer.code() != "authorization_pending" {
				t.Errorf("a ping client polls: %d %v", answer.status, answer.body)
			}
			if synctest.Wait(); len(c.calls) != 0 {
				t.Errorf("called before the decision: %+v", c.calls)
			}
			b.decide(id, action)
			call, body := one(t, c)
			if call.url != "POST https://ping-a.example/cb" || len(body) != 1 || body["auth_req_id"] != id {
				t.Errorf("called %s with %v", call.url, body)
			}
			answer := b.post(PathToken, poll(id), b.as("ping-a"))
			if answer.code() != want || want == "" && answer.text("access_token") == "" {
				t.Errorf("%s: redeemed: %d %v", action, answer.status, answer.body)
			}
			b.decide(id, action)
			one(t, c)
		})
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	for client, alg := range map[string]string{"push-a": "RS256", "push-b": "PS256"} {
		notified(t, func(b *bench, c *clients) {
			id := b.begin(client)
			b.decide(id, "allow")
			_, body := one(t, c)
			text := func(name string) string { s, _ := body[name].(string); return s }
			if text("auth_req_id") != id || text("access_token") == "" || text("token_type") != "Bearer" || text("refresh_token") == "" {
				t.Fatalf("pushed %v", body)
			}
			token, err := b.op.VerifyOwn(text("id_token"))
			if err != nil || token.Header["alg"] != alg {
				t.Fatalf("ID Token by %v: %v", token.Header["alg"], err)
			}
			for claim, of := range map[string]string{"at_hash": "access_token", ClaimRTHash: "refresh_token"} {
				if want, _ := jose.LeftHalfHash(alg, text(of)); token.Claims[claim] != want {
					t.Errorf("%s is %v, want %s", claim, token.Claims[claim], want)
				}
			}
			if token.Claims[ClaimAuthReqID] != id {
				t.Errorf("the ID Token is for %v, want %s", token.Claims[ClaimAuthReqID], id)
			}
			if answer := b.get(PathUserInfo, withBearer(text("access_token"))); !answer.is(http.StatusOK) {
				t.Errorf("UserInfo: %d %v", answer.status, answer.body)
			}
		})
	}
}

// Without offline_access there is no refresh token, and nothing to hash.
func TestPushWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	notified(t, func(b *bench, c *clients) {
		b.decide(b.begin("push-a", "scope", "openid"), "allow")
		_, body := one(t, c)
		claims := decoded(t, body["id_token"].(string)).Claims
		if _, there := claims[ClaimRTHash]; there || body["refresh_token"] != nil {
			t.Errorf("pushed %v with claims %v", body, claims)
		}
	})
}

func TestPushErrors(t *testing.T) {
	t.Parallel()
	for want, end := range map[string]func(b *bench, id string){
		"access_denied": func(b *bench, id string) { b.decide(id, "deny") },
		"expired_token": func(*bench, string) { time.Sleep(3 * time.Minute) },
	} {
		notified(t, func(b *bench, c *clients) {
			id := b.begin("push-a")
			end(b, id)
			_, body := one(t, c)
			if body["error"] != want || body["auth_req_id"] != id || body["access_token"] != nil || len(body) != 3 {
				t.Errorf("%s: pushed %v", want, body)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			one(t, c)
		})
	}
}

// An OP that cannot make the tokens says so, and gives none away.
func TestPushThatFails(t *testing.T) {
	t.Parallel()
	notified(t, func(b *bench, c *clients) {
		id := b.begin("push-a")
		b.decide(id, "allow")
		_, body := one(t, c)
		if body["error"] != "transaction_failed" || body["auth_req_id"] != id || body["access_token"] != nil {
			t.Errorf("pushed %v", body)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		one(t, c)
	}, func(p *Plan) {
		p.Rules.DraftIDToken = func(*Call, *Flow, string) (*Draft, error) { return nil, errors.New("no key") }
	})
}

// Who is told of nothing: a poll client, and a ping client whose request expires.
func TestNoCall(t *testing.T) {
	t.Parallel()
	notified(t, func(b *bench, c *clients) {
		b.decide(b.begin("basic-a"), "allow")
		b.begin("ping-a")
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(c.calls) != 0 {
			t.Errorf("called %+v", c.calls)
		}
	})
}

// A call is tried again when the client cannot be reached or is in trouble, later and
// later, and not for ever. Whatever the client answers otherwise is its last word, and
// no redirect is followed.
func TestTries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answers []int
		pauses  []time.Duration
	}{
		{[]int{204}, nil},
		{[]int{200}, nil},
		{[]int{302}, nil},
		{[]int{307}, nil},
		{[]int{401}, nil},
		{[]int{500, 204}, []time.Duration{time.Second}},
		{[]int{0, 503, 204}, []time.Duration{time.Second, 2 * time.Second}},
		{[]int{0}, []time.Duration{time.Second, 2 * time.Second}},
	} {
		notified(t, func(b *bench, to *clients) {
			to.answers = c.answers
			id := b.begin("ping-a")
			b.decide(id, "allow")
			time.Sleep(time.Hour)
			synctest.Wait()
			var pauses []time.Duration
			for i := 1; i < len(to.calls); i++ {
				pauses = append(pauses, to.calls[i].at.Sub(to.calls[i-1].at))
				if to.calls[i].body != to.calls[0].body {
					t.Errorf("the second try says %s, the first %s", to.calls[i].body, to.calls[0].body)
				}
			}
			if !slices.Equal(pauses, c.pauses) {
				t.Errorf("answered %v: pauses %v, want %v", c.answers, pauses, c.pauses)
			}
		})
	}
}

// A push is for one time: whoever asks the token endpoint gets nothing, before or after.
func TestPushIsNotFetched(t *testing.T) {
	t.Parallel()
	notified(t, func(b *bench, _ *clients) {
		id := b.begin("push-a")
		for _, action := range []string{"", "allow"} {
			b.decide(id, action)
			synctest.Wait()
			if answer := b.post(PathToken, poll(id), b.as("push-a")); answer.code() != "unauthorized_client" {
				t.Errorf("%d %v", answer.status, answer.body)
			}
		}
		f, s := b.op.find(id)
		s.mu.Unlock()
		if f.State != Used {
			t.Errorf("after the push the flow is %s, want used", f.State)
		}
	})
}

func TestModesArePublished(t *testing.T) {
	t.Parallel()
	body := newBench(t).get("/.well-known/openid-configuration").body
	if got, want := body["backchannel_token_delivery_modes_supported"], []any{"poll", "ping", "push"}; !slices.Equal(got.([]any), want) {
		t.Errorf("published %v, want %v", got, want)
	}
}

// Every legal token is taken as it is.
func TestNotificationTokens(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"a", "a-._~+/Z09==", strings.Repeat("x", 1024)} {
		notified(t, func(b *bench, c *clients) {
			b.decide(b.begin("ping-a", cnt, token), "allow")
			if synctest.Wait(); len(c.calls) != 1 || c.calls[0].header.Get("Authorization") != "Bearer "+token {
				t.Errorf("called %+v", c.calls)
			}
		})
	}
	b := newBench(t) // a poll client's token is of no interest
	if answer := b.post(PathStart, with(aliceSigns, cnt, "a b"), b.as("basic-a")); !answer.is(http.StatusOK) {
		t.Errorf("a poll client with a token: %d %v", answer.status, answer.body)
	}
}

// Edits reach calls to clients, too.
func TestEditNotifications(t *testing.T) {
	t.Parallel()
	notified(t, func(b *bench, c *clients) {
		b.decide(b.begin("ping-a"), "allow")
		if call, body := one(t, c); body["x"] != "edited" || call.url != "POST https://ping-a.example/cb" {
			t.Errorf("called %s with %v", call.url, body)
		}
	}, func(p *Plan) {
		p.EditNotifications(func(_ *Call, n *Notification) { n.Body["x"] = "edited" })
	})
}

package mockdevice

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// TestAStrangersNameShowsNoDevice: a browser sends the name that a page was loaded from
// as Host, and for a name without TLS nothing else that tells it from another client.
func TestAStrangersNameShowsNoDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, token string
		want        int
	}{
		{"127.0.0.1:9003", "", 200},
		{"localhost", "", 200},
		{"[::1]:9003", "", 200},
		{"device:9003", "", 200},
		{"evil.example:9003", "", 403},
		{"device.evil.example", "", 403},
		{"evil.localhost", "", 403},
		{"", "", 403},
		{"anything:9003", "tok", 200},
	} {
		d := New(WithToken(c.token), WithHosts("device"))
		for _, route := range []string{"/phone", "/v1/requests", "/v1/counters", "/openapi.yaml", "/phone/phone.js"} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", route, nil)
			r.Host = c.host
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			if w.Code != c.want && (c.token == "" || route != "/phone") { // which has a form of its own
				t.Errorf("%s at host %q, token %q, is answered %d", route, c.host, c.token, w.Code)
			}
		}
		d.Close()
	}
}

// TestCallbacksGoWhereSomebodySaid: a request cannot have this machine call any server.
func TestCallbacksGoWhereSomebodySaid(t *testing.T) {
	t.Parallel()
	adapters, err := ParseAdapters("a", []byte(`
approval_url: {url: "https://approval.example/{auth_req_id}"}
authlete: {callback: "https://as.example/cb"}
generic: [{name: acme, map: {id: /id, callback: /cb}, decision: {url: "https://out.example/x"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	d := New(WithAdapters(adapters), WithCallbackHosts("op.example", ".lab.example"))
	defer d.Close()
	for i, c := range []struct {
		callback string
		want     int
	}{
		{"", 202},
		{"http://127.0.0.1:1/cb", 202},
		{"https://op.example/cb", 202},
		{"https://OP.example:8443/cb", 202},
		{"https://a.lab.example", 202},
		{"https://as.example/other", 202},
		{"https://out.example", 202},
		{"https://approval.example", 202},
		{"http://192.0.2.1:99/cb", 202}, // the sender's own address
		{"http://169.254.169.254/latest/meta-data", 400},
		{"http://192.0.2.2/cb", 400},
		{"https://lab.example", 400},
		{"https://op.example.evil.test", 400},
		{"https://evil.test/op.example", 400},
		{"https://op.example@evil.test", 400},
		{"http://metadata", 400},
		{"http://0.0.0.0/", 400},
		{"http://2130706433/", 400},
	} {
		for path, body := range map[string]string{"/v1/requests": `{"auth_req_id":"%d","callback":%q}`, "/adapters/generic/acme": `{"id":"g%d","cb":%q}`} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost"+path, strings.NewReader(fmt.Sprintf(body, i, c.callback)))
			r.RemoteAddr = "192.0.2.1:5555"
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			if (w.Code == 400) != (c.want == 400) {
				t.Errorf("%s with callback %q is answered %d %s", path, c.callback, w.Code, w.Body)
			}
			if c.want == 400 && !strings.Contains(w.Body.String(), "--callback-host") {
				t.Errorf("%s does not say what to do: %s", path, w.Body)
			}
		}
	}
}

// TestADeviceTakesNoCommandsFromItself: a callback that leads back, by whatever name.
func TestADeviceTakesNoCommandsFromItself(t *testing.T) {
	t.Parallel()
	_, d, _, device := lab(t)
	for id, callback := range map[string]string{"a": device, "b": strings.Replace(device, "127.0.0.1", "localhost", 1)} {
		if status, text := send(t, "POST", device+"/v1/requests", "", fmt.Sprintf(`{"auth_req_id":%q,"callback":%q}`, id, callback+"/v1/reset")); status != 202 {
			t.Fatalf("got %d %s", status, text)
		}
		if status, text := send(t, "POST", device+"/approve?auth_req_id="+id+"&action=allow", "", ""); status != http.StatusBadGateway ||
			!strings.Contains(text, "leads back to this device") {
			t.Errorf("the decision is answered %d %s", status, text)
		}
		if _, known := d.Find(id); !known {
			t.Error("the device was emptied through its own callback")
		}
	}
}

// TestKeycloakNeedsTheDevicesToken: the bearer is Keycloak's own, so anybody can make one.
func TestKeycloakNeedsTheDevicesToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token, callback, query string
		want                   int
	}{
		{"", "http://kc.example/cb", "", 201},
		{"tok", "http://kc.example/cb", "?token=tok", 201},
		{"tok", "http://kc.example/cb", "", 403},
		{"tok", "http://kc.example/cb", "?token=to", 403},
		{"tok", "http://kc.example/cb", "?token=", 403},
		{"", "", "", 404},
		{"tok", "", "?token=tok", 404},
		{"tok", "", "", 403},
	} {
		d := New(WithToken(c.token), WithAdapters(Adapters{Keycloak: Keycloak{Callback: c.callback}}))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/adapters/keycloak"+c.query, strings.NewReader(`{"login_hint":"alice"}`))
		r.Header.Set("Authorization", "Bearer made-up")
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, r)
		if w.Code != c.want || (c.want == 201) != (len(d.Requests(nil)) == 1) {
			t.Errorf("%+v is answered %d %s", c, w.Code, w.Body)
		}
		d.Close()
	}
}

// filled is a request that an OP has filled up to what one may hold.
func filled(id string) Request {
	return Request{AuthReqID: id, LoginHint: "alice", BindingMessage: strings.Repeat("x", 250_000)}
}

// TestAFloodOfLargeRequestsIsBounded: the bound counts bytes besides requests, and small
// ones are kept as before.
func TestAFloodOfLargeRequestsIsBounded(t *testing.T) {
	t.Parallel()
	d := New()
	defer d.Close()
	for i := range Capacity + 500 {
		if err := d.Receive(filled(fmt.Sprint("m", i))); err != nil {
			t.Fatal(err)
		}
	}
	held := d.Requests(nil)
	weight := 0
	for _, r := range held {
		weight += r.Weight()
	}
	if most := (Capacity + 64*32) * bytesEach; weight > most || len(held) < Capacity*bytesEach/300_000 {
		t.Errorf("%d requests of %d bytes are held, more than %d", len(held), weight, most)
	}
	if got := d.store.bytes.Load(); got != int64(weight) {
		t.Errorf("the store reckons with %d bytes, it holds %d", got, weight)
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/v1/requests", nil))
	if n := w.Body.Len(); w.Code != http.StatusOK || n > 10<<20 || n < 250_000 || !strings.Contains(w.Body.String(), fmt.Sprintf(`"total":%d`, len(held))) {
		t.Errorf("the list is %d with %d bytes", w.Code, n)
	}
	w = httptest.NewRecorder()
	d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/phone?user=alice", nil))
	more := fmt.Sprintf("%d more requests wait", len(held)-strings.Count(w.Body.String(), `class="request"`))
	if n := w.Body.Len(); w.Code != http.StatusOK || n > 4<<20 || n < 250_000 || !strings.Contains(w.Body.String(), more) {
		t.Errorf("the phone is %d with %d bytes, and does not say %q", w.Code, n, more)
	}
	d.Reset()
	if got := d.store.bytes.Load(); got != 0 {
		t.Errorf("after a reset %d bytes are reckoned with", got)
	}
	for i := range Capacity {
		if err := d.Receive(Request{AuthReqID: fmt.Sprint("s", i), LoginHint: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(d.Requests(nil)); got != Capacity {
		t.Errorf("%d small requests are kept", got)
	}
}

// TestExpiryInBothSpellings: Unix seconds cost no prompt.
func TestExpiryInBothSpellings(t *testing.T) {
	t.Parallel()
	d := New()
	defer d.Close()
	want := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for id, written := range map[string]string{
		"text": `"2100-01-01T00:00:00Z"`, "number": `4102444800`, "fraction": `4102444800.0`, "exponent": `4.1024448e9`, "digits": `"4102444800"`,
	} {
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/requests",
			strings.NewReader(fmt.Sprintf(`{"auth_req_id":%q,"expires_at":%s}`, id, written))))
		if r, _ := d.Find(id); w.Code != http.StatusAccepted || !r.ExpiresAt.Equal(want) {
			t.Errorf("%s is answered %d %s, and read as %s", written, w.Code, w.Body, r.ExpiresAt)
		}
	}
	for _, written := range []string{`"tomorrow"`, `1e300`, `-1e300`, `true`, `{}`, `""`, `"NaN"`} {
		var r Request
		if err := r.UnmarshalJSON([]byte(`{"auth_req_id":"x","expires_at":` + written + `}`)); err == nil {
			t.Errorf("%s is read as %s", written, r.ExpiresAt)
		}
	}
	if _, err := wire.ParseTime(""); err == nil {
		t.Error("an empty text is a time")
	}
}

package ciba

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestExchangesAreRecordedAsResults(t *testing.T) {
	t.Parallel()
	op := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"auth_req_id":"hidden-id","interval":5}`))
	}))
	defer op.Close()
	client := NewHTTP(http.DefaultTransport, Options{Secrets: []string{"s3cret"}})
	first, second := NewRecorder(10), NewRecorder(10)
	call := Call{Label: "request", URL: op.URL, Form: P("client_secret", "s3cret", "scope", "openid")}
	before := client.Do(t.Context(), nil, call)
	resp := client.Do(t.Context(), first, call)

	second.Append(before)
	second.Join(first)
	second.Join(first)

	got := second.Exchanges(resp.Sent.Add(-2 * time.Second))
	mark := client.masker.mark
	asked := result.Message{Method: "POST", URL: op.URL, Body: "client_secret=" + mark("s3cret") + "&scope=openid", BodyBytes: 33, Headers: []result.Header{
		{Name: "Accept", Value: "application/json"},
		{Name: "Accept-Encoding", Value: "identity"},
		{Name: "Content-Type", Value: "application/x-www-form-urlencoded"},
		{Name: "User-Agent", Value: "cibatest"},
	}}
	body := `{"auth_req_id":"` + mark("hidden-id") + `","interval":5}`
	answered := &result.Message{Status: 200, Body: body, BodyBytes: 40, Headers: []result.Header{
		{Name: "Content-Length", Value: "40"}, {Name: "Content-Type", Value: "application/json"},
	}}
	want := []result.Exchange{
		{Label: "request", Request: asked, Response: answered},
		{Label: "request", StartedMS: 2000, Request: asked, Response: answered, Note: "shared with other cases"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(result.Exchange{}, "DurationMS"), cmp.FilterPath(
		func(p cmp.Path) bool { return p.Index(1).String() == "[0]" && p.Last().String() == ".StartedMS" }, cmp.Ignore())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if second.Place(resp) != 2 || second.Len() != 2 || second.Place(before) != 0 {
		t.Errorf("the answer is at %d of %d", second.Place(resp), second.Len())
	}
	if e := first.Exchanges(resp.Sent)[0]; e.Note != "" || e.StartedMS != 0 {
		t.Errorf("an exchange of one's own is noted as %q and starts at %d", e.Note, e.StartedMS)
	}
}

func TestOnlyTheFirstExchangesAreKept(t *testing.T) {
	t.Parallel()
	op := httptest.NewServer(http.NotFoundHandler())
	defer op.Close()
	client := NewHTTP(http.DefaultTransport, Options{})
	rec := NewRecorder(1)
	kept := client.Do(t.Context(), rec, Call{URL: op.URL})
	left := client.Do(t.Context(), rec, Call{URL: op.URL})
	unsent := client.Do(t.Context(), rec, Call{URL: "/relative"})
	rec.Keep(unsent)
	rec.Append(unsent)
	if rec.Len() != 1 || rec.Place(kept) != 1 || rec.Place(left) != 0 || rec.Place(unsent) != 0 {
		t.Errorf("%d kept; places %d, %d and %d", rec.Len(), rec.Place(kept), rec.Place(left), rec.Place(unsent))
	}
	var none *Recorder
	if none.Len() != 0 || none.Exchanges(time.Now()) != nil || none.Place(kept) != 0 {
		t.Error("no recorder keeps something")
	}
}

func TestLongBodiesAreCutAfterMasking(t *testing.T) {
	t.Parallel()
	m := NewMasker("s3cret")
	body := strings.Repeat("x", evidenceBody-3) + "s3cret"
	req := httptest.NewRequest(http.MethodPost, "http://op.example/", nil)
	e := m.Exchange("request", req, []byte(body), &Response{})
	if !e.Request.Truncated || len(e.Request.Body) != evidenceBody || strings.Contains(e.Request.Body, "s3c") || e.Response != nil {
		t.Errorf("cut %v, %d bytes, ending in %q", e.Request.Truncated, len(e.Request.Body), e.Request.Body[len(e.Request.Body)-8:])
	}
	if text, cut := cut(strings.Repeat("x", evidenceBody-1) + "é"); !cut || len(text) != evidenceBody-1 {
		t.Errorf("a character was cut in half: %d bytes", len(text))
	}
}

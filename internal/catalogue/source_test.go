package catalogue

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	want := []Link{
		{"CIBA Core 1.0 §7.1", "https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1"},
		{"CIBA Core 1.0 §13", "https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.13"},
		{"RFC 6749 §5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"},
		{"FAPI 2.0 SP §5.3.2.1", "https://openid.net/specs/fapi-2_0-security-profile-final.html#section-5.3.2.1"},
		{"RFC 10070", "https://www.rfc-editor.org/rfc/rfc10070"},
	}
	got := Links("CIBA Core 1.0 §7.1, §13; RFC 6749 §5.2; FAPI 2.0 SP §5.3.2.1-13; draft-03; RFC 10070 (updates RFC 7521)")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Every clause whose text has an address that stays leads there.
func TestEveryClauseLeadsToItsText(t *testing.T) {
	t.Parallel()
	for _, r := range Must().List() {
		links := Links(r.Source)
		if len(links) == 0 && !strings.Contains(r.Source, "draft") {
			t.Errorf("%s: no link for %q", r.ID, r.Source)
		}
		for _, l := range links {
			if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" {
				t.Errorf("%s: %q is no address", r.ID, l.URL)
			}
		}
	}
}

var errorWord = regexp.MustCompile(`\b(?:invalid|unauthorized|unsupported|missing|unknown|expired|access|slow|transaction)_[a-z_]+\b`)

// What a clause says and what is expected of an answer do not contradict each other: a
// finding shows both.
func TestClausesAgreeWithTheirExpectations(t *testing.T) {
	t.Parallel()
	for _, r := range Must().List() {
		if len(r.Expect.Error) == 0 {
			continue
		}
		allowed := " " + strings.Join(append(r.Expect.Error, r.Expect.Tolerated...), " ") + " "
		for _, code := range errorWord.FindAllString(r.Requirement, -1) {
			if !strings.Contains(allowed, " "+code+" ") {
				t.Errorf("%s says %s and expects %v, tolerates %v", r.ID, code, r.Expect.Error, r.Expect.Tolerated)
			}
		}
	}
}

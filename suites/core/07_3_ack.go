package core

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// Some OPs hand the prompt to the push service of a phone before they answer.
const (
	ackSlow    = 5 * time.Second  // what takes longer is late
	ackBlocked = 30 * time.Second // what takes longer has waited for the user
)

// legalID is the alphabet of CIBA Core 7.3 for auth_req_id.
var legalID = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// CIBA Core 7.3: the OP takes a request on by answering at once, with 200, an auth_req_id,
// expires_in and, if it likes, interval. The client polls with what it was told: a wrong
// expires_in makes it give up early or for nothing, a wrong interval gets it throttled,
// and an auth_req_id that can be guessed hands its tokens to somebody else. N-22 has the
// form and entropy of auth_req_id, N-21 the header that keeps the answer out of caches.
var _ = Cases.Describe("Acknowledgement", func() {
	Case("ack-status", "is a 200", Judges("CIBA-7.3-ACK-STATUS").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.Expect(Acknowledged(t)).To(gomega.And(HaveStatus(200), BeJSONObject()), "200 with a JSON object")
	})
	Case("ack-json", "is application/json", Judges("CIBA-7.3-ACK-JSON").AlsoAs(Ping, Push), func(t *T) {
		t.Expect(acknowledgement(t)).To(BeJSON())
	})
	Case("ack-no-store", "is not cached", Judges("CIBA-7.3-ACK-NO-STORE").AlsoAs(Ping, Push), func(t *T) {
		t.Expect(acknowledgement(t)).To(NotBeCached())
	})
	Case("ack-immediate", "does not wait for the user", Judges("CIBA-7.3-ACK-IMMEDIATE").AlsoAs(Ping, Push), judgeAckTime)
	Case("ack-id-present", "has an auth_req_id", Judges("CIBA-7.3-ARID-PRESENT").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.Expect(readableAck(t)).To(HaveMember("auth_req_id", nonEmptyText), "auth_req_id is a non-empty string")
	})
	Case("ack-id-charset", "has ids of the permitted characters", Judges("CIBA-7.3-ARID-CHARSET").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		for _, id := range authReqIDs(t) {
			if !t.Check(legalID.MatchString(id), "only A-Z a-z 0-9 . - _", "an auth_req_id with other characters, %d long", len(id)) {
				return
			}
		}
	})
	Case("ack-id-entropy", "has ids of 128 bits at least", Judges("CIBA-7.3-ARID-ENTROPY").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		sample := authReqIDs(t)
		bits := entropyBound(sample)
		switch {
		case len(sample) < 10:
			t.Info("ten values to judge by", "only %d were seen; they allow %.0f bits", len(sample), bits)
		case bits < 96:
			t.Fail("128 bits", "the varying part of %d values allows %.0f bits at most", len(sample), bits)
		case bits < 128:
			t.Warn("128 bits", "the varying part of %d values allows %.0f bits at most", len(sample), bits)
		}
	})
	Case("ack-id-entropy-160", "has ids of 160 bits, as advised", Judges("CIBA-7.3-ARID-ENTROPY-160").AfterAll(), func(t *T) {
		sample := authReqIDs(t)
		bits := entropyBound(sample)
		if len(sample) < 10 {
			t.Info("ten values to judge by", "only %d were seen", len(sample))
			return
		}
		t.Check(bits >= 160, "160 bits", "the varying part of %d values allows %.0f bits at most", len(sample), bits)
	})
	Case("ack-id-unique", "has a new id for every request", Judges("CIBA-7.3-ARID-UNIQUE").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		t.Start(t.Request())
		t.Start(t.Request())
		issued := map[string]bool{}
		for _, id := range authReqIDs(t) {
			t.Check(!issued[id], "all different", "an auth_req_id was issued twice")
			issued[id] = true
		}
	})
	Case("ack-expires-in", "has expires_in as a positive number", Judges("CIBA-7.3-EXPIRES-IN").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		value := ackMember(t, "expires_in")
		n, isNumber := NumberOf(value)
		t.Check(isNumber && n > 0 && n == math.Trunc(n), "a positive whole number", "%T %.40v", value, value)
		switch {
		case isMoment(n):
			t.Check(false, "the seconds that the auth_req_id lives", "%.40v, which is a moment counted from 1970", value)
		case n > 366*24*3600:
			t.Warn("a life of less than a year", "expires_in %.40v", value)
		}
	})
	// Absence means 5 s. Zero is in use, though the text wants a positive number.
	Case("ack-interval", "has interval as a positive number, or not at all", Judges("CIBA-7.3-INTERVAL").AlsoAs(Ping).Smoke(), func(t *T) {
		object, _ := acknowledgement(t).Object()
		value, there := object["interval"]
		n, isNumber := NumberOf(value)
		if isNumber && n == 0 {
			t.Warn("a positive whole number", "0")
			return
		}
		t.Check(!there || isNumber && n > 0 && n == math.Trunc(n), "a positive whole number, or no member", "%T %.40v", value, value)
		if life, _ := NumberOf(object["expires_in"]); life > 0 && n >= life {
			t.Warn("an interval in seconds that is shorter than expires_in",
				"interval %.0f, expires_in %.0f, so that no poll is due in time", n, life)
		}
	})
	Case("ack-no-tokens", "carries no tokens", Judges("CIBA-7.3-ACK-NO-TOKENS").AlsoAs(Ping, Push), func(t *T) {
		t.Expect(acknowledgement(t)).As(result.Fail).NotTo(HaveTokens(), "no token members")
	})
	Case("ack-everywhere", "is of one form whatever was asked, and by whom",
		Judges("CIBA-7.3-ACK-STATUS", "CIBA-7.3-ACK-JSON", "CIBA-7.3-ACK-NO-STORE", "CIBA-7.3-EXPIRES-IN",
			"CIBA-7.3-INTERVAL", "CIBA-7.3-ACK-NO-TOKENS", "CIBA-7.3-ACK-IMMEDIATE").AfterAll(), judgeEveryAck)
	// An auth_req_id is shown to the client and gets into logs. No text forbids that it
	// tells who is asked, so this is recorded only.
	Case("ack-id-no-leak", "has ids that tell nothing about the user", Judges("CIBA-7.3-ARID-NO-LEAK").AfterAll(), func(t *T) {
		shown := timesShown(authReqIDs(t), t.Target().Users)
		t.Check(shown < beyondChance, "no readable personal data", "the hint or subject of a user is in %d auth_req_ids", shown)
	})
})

// judgeAckTime measures how long the OP takes to answer a good request. One that waits
// for the user keeps the client from telling its own user what to do meanwhile.
func judgeAckTime(t *T) {
	resp := t.Start(t.Request())
	if first := answerTime(resp); first > ackSlow && first <= ackBlocked { // the run itself may have been in the way
		if second := t.MustAnswer(t.Start(t.Request())); resp.Err != nil || answerTime(second) < first {
			resp = second
		}
	}
	if answerTime(resp) <= ackBlocked {
		t.MustAnswer(resp)
	}
	if t.Expect(resp).As(result.Fail).To(ArriveWithin(ackBlocked), "an answer at once") {
		t.Expect(resp).As(result.Warn).To(ArriveWithin(ackSlow), "an answer within 5 s")
	}
}

// readableIn is what anybody can read in an id: the text itself, what it is the
// base64 of, and the members of a JWT.
func readableIn(id string) string {
	text := id
	for part := range strings.SplitSeq(id, ".") {
		if plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "=")); err == nil {
			text += " " + string(plain)
		}
	}
	return text
}

// beyondChance is in how many of the ids of a run a name is found that is there on purpose. Of a
// thousand long random ones some holds four letters that are somebody's name.
const beyondChance = 3

// timesShown is the number of ids that the most often shown user can be read in.
func timesShown(ids []string, users []targetfile.User) int {
	most := 0
	for _, u := range users {
		shown := 0
		for _, id := range ids {
			if text := readableIn(id); reveals(text, u.LoginHint) || reveals(text, u.Sub) {
				shown++
			}
		}
		most = max(most, shown)
	}
	return most
}

// reveals reports whether a text contains a name that is too long to be there often by chance.
func reveals(text, name string) bool { return len(name) >= 4 && strings.Contains(text, name) }

// judgeEveryAck judges every acknowledgement of the run. What is wrong with the shared
// one, too, is left to the cases above.
func judgeEveryAck(t *T) {
	reported := map[string]bool{}
	for _, f := range ackFlaws(Acknowledged(t)) {
		reported[f.requirement] = true
	}
	for _, s := range t.Seen().Starts() {
		if _, err := s.Response.Started(); err != nil && answerTime(s.Response) <= ackBlocked {
			continue
		}
		for _, f := range ackFlaws(s.Response) {
			if reported[f.requirement] {
				continue
			}
			reported[f.requirement] = true
			r := Clause(t, f.requirement)
			Keep(t, s.Response)
			t.At(s.Response)
			t.Record(r, result.Outcome(r.Verdict), f.expected+" in every acknowledgement", "in the case "+s.By+": "+f.actual)
		}
	}
}

// ackFlaw is what is wrong with an acknowledgement, and the clause that it breaks.
type ackFlaw struct{ requirement, expected, actual string }

// ackFlaws are the flaws of one acknowledgement, by the clauses of the cases above.
func ackFlaws(resp *ciba.Response) []ackFlaw {
	var flaws []ackFlaw
	check := func(ok bool, requirement, expected, actual string, args ...any) {
		if !ok {
			flaws = append(flaws, ackFlaw{requirement, expected, fmt.Sprintf(actual, args...)})
		}
	}
	if answerTime(resp) > ackBlocked {
		return []ackFlaw{{"CIBA-7.3-ACK-IMMEDIATE", "an answer at once", "it took " + answerTime(resp).Round(time.Second).String()}}
	}
	object, err := resp.Object()
	check(resp.Status == 200 && err == nil, "CIBA-7.3-ACK-STATUS", "200 with a JSON object", "%s", resp.Summary())
	check(resp.MediaType() == "application/json", "CIBA-7.3-ACK-JSON",
		"application/json", "Content-Type %.100q", resp.Header.Get("Content-Type"))
	check(NoStore(resp.Header.Values("Cache-Control")), "CIBA-7.3-ACK-NO-STORE",
		"no-store", "Cache-Control %.100q", resp.Header.Get("Cache-Control"))
	life, isNumber := NumberOf(object["expires_in"])
	check(isNumber && life > 0 && life == math.Trunc(life), "CIBA-7.3-EXPIRES-IN",
		"a positive whole expires_in", "%T %.40v", object["expires_in"], object["expires_in"])
	pace, isNumber := NumberOf(object["interval"])
	_, there := object["interval"]
	check(!there || isNumber && pace >= 0 && pace == math.Trunc(pace), "CIBA-7.3-INTERVAL",
		"a whole interval, or none", "%T %.40v", object["interval"], object["interval"])
	check(!resp.HasTokens(), "CIBA-7.3-ACK-NO-TOKENS", "no token members", "%s", resp.Summary())
	return flaws
}

// acknowledgement is the shared acknowledgement, or an error when the good
// request was refused; ack-status judges that.
func acknowledgement(t *T) *ciba.Response {
	resp := t.MustSucceed("a good backchannel authentication request", Acknowledged(t))
	t.At(resp)
	return resp
}

// readableAck is the shared acknowledgement, or an error when it is no JSON object;
// ack-status judges that, too.
func readableAck(t *T) *ciba.Response {
	resp := acknowledgement(t)
	if _, err := resp.Object(); err != nil {
		t.Abort("the acknowledgement cannot be read: %v", err)
	}
	return resp
}

// ackMember is a member of the shared acknowledgement, nil when it is not there.
func ackMember(t *T, name string) any {
	object, _ := readableAck(t).Object()
	return object[name]
}

// authReqIDs are all auth_req_ids of the run. A run of this case alone collects its own.
func authReqIDs(t *T) []string {
	var list []string
	for _, ack := range SeenInMode(t).Acks() {
		list = append(list, ack.AuthReqID)
	}
	for len(list) < 20 && !FewPrompts(t) {
		ack, err := t.Start(t.Request()).Started()
		if err != nil {
			break
		}
		list = append(list, ack.AuthReqID)
	}
	return list
}

// entropyBound is the most entropy the values can have: the positions that vary,
// counted in the shortest value, times the bits of the characters seen in them.
// It never underestimates; a low bound is a proof, a high one is none. The load
// generator bounds the same clause more tightly, by the characters of each position:
// it has thousands of values. Of the few that a run of cases has, a position shows
// no more characters than there are values, which would accuse good identifiers.
func entropyBound(values []string) float64 {
	if len(values) == 0 {
		return 0
	}
	shortest := values[0]
	for _, v := range values {
		if len(v) < len(shortest) {
			shortest = v
		}
	}
	varying, characters := 0, map[byte]bool{}
	for i := range len(shortest) {
		here := map[byte]bool{}
		for _, v := range values {
			here[v[i]] = true
		}
		if len(here) > 1 {
			varying++
			for c := range here {
				characters[c] = true
			}
		}
	}
	return float64(varying) * math.Log2(float64(max(1, len(characters))))
}

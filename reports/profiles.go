package reports

import (
	"fmt"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// profileView is what a report says about one profile.
type profileView struct {
	ID, Title string
	Verdict   result.Verdict
	Coverage  string   // "118 of 131 MUSTs judged, 2 warnings"
	Because   string   // how the claim is known
	Reasons   []string // why the rest was not judged, the reason of most first; bounded
	Folded    bool     // the reasons are shown when somebody asks for them
}

// manyReasons is how many reasons of a profile are told where there is more to read.
const manyReasons = 4

// profiles are the profiles of a run, in words.
func (d digest) profiles() []profileView { return d.profilesWith(manyReasons) }

// profilesWith are the profiles of a run with so many reasons of each; a last one that would
// stand alone is told, too.
func (d digest) profilesWith(reasons int) []profileView {
	views := make([]profileView, len(d.Profiles))
	for i, p := range d.Profiles {
		views[i] = profileView{
			ID: p.ID, Title: p.Title, Verdict: p.Verdict, Coverage: profileCoverage(p),
			Because: p.Because, Reasons: profileReasons(p, reasons),
		}
	}
	return views
}

// line tells a profile in a sentence.
func (p profileView) line() string {
	return fmt.Sprintf("%s: %s, %s", p.Title, p.Verdict, p.Coverage)
}

func profileCoverage(p result.Profile) string {
	parts := []string{fmt.Sprintf("%d of %s judged", p.Judged, plural(p.MUSTs, "MUST", "MUSTs")) + withOwnClients(p)}
	if p.Failed > 0 {
		parts = append(parts, plural(p.Failed, "requirement fails", "requirements fail"))
	}
	if p.Warned > 0 {
		parts = append(parts, plural(p.Warned, "warning", "warnings"))
	}
	rest := p.MUSTs - p.Judged
	for _, o := range p.OtherModes {
		if n := len(o.Requirements); n > 0 {
			parts = append(parts, fmt.Sprintf("%d with %s alone", n, clientsOf(o.Mode)))
			rest -= n
		}
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("%d not testable here", rest))
	}
	return strings.Join(parts, ", ")
}

// withOwnClients says whose clients showed what was judged, where others showed more.
func withOwnClients(p result.Profile) string {
	if len(p.OtherModes) == 0 {
		return ""
	}
	return " with " + clientsOf(p.ID)
}

// clientsOf names the clients of a delivery mode. A file may call a mode anything.
func clientsOf(mode string) string {
	switch mode {
	case "poll", "ping", "push":
		return mode + " clients"
	}
	return "other clients"
}

// profileReasons tells first what is missing to the minimum. What the OP only offers, and
// nothing was set up for, needs none.
func profileReasons(p result.Profile, most int) []string {
	if !p.Counts && p.Verdict == result.NoVerdict {
		return nil
	}
	var reasons []string
	if len(p.Missing) > 0 {
		reasons = append(reasons, fmt.Sprintf("below its minimum: %d of %d judged, without %s",
			p.Minimum-len(p.Missing), p.Minimum, strings.Join(p.Missing, ", ")))
	}
	for _, o := range p.OtherModes {
		if len(o.Failed) > 0 {
			reasons = append(reasons, fmt.Sprintf("not called conformant, as %s with %s, and %s did not show it: %s",
				plural(len(o.Failed), "requirement fails", "requirements fail"), clientsOf(o.Mode), clientsOf(p.ID), few(o.Failed)))
		}
	}
	for i, n := range p.NotTestable {
		if i == most && len(p.NotTestable) > most+1 {
			reasons = append(reasons, "and "+plural(len(p.NotTestable)-i, "more reason", "more reasons"))
			break
		}
		reasons = append(reasons, fmt.Sprintf("%d: %s", len(n.Requirements), firstOf(n.Reason, "no reason given")))
	}
	return reasons
}

// few are the first of many ids.
func few(ids []string) string {
	if len(ids) <= manyReasons {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:manyReasons], ", "), len(ids)-manyReasons)
}

// stated are the ids of the profiles that the verdict of the run speaks of.
func (d digest) stated() []string {
	var ids []string
	for _, p := range d.Profiles {
		if p.Counts {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// junitProfiles has a test for each profile. Its outcome follows the standing of the run:
// what the baseline expects and what holds nobody up is skipped, with the words.
func (d digest) junitProfiles() []junitSuite {
	if len(d.Profiles) == 0 {
		return nil
	}
	suite := junitSuite{Name: "profiles", Timestamp: junitStamp(d.Run), junitCounts: junitCounts{Tests: len(d.Profiles)}}
	for i, p := range d.profiles() {
		t := junitCase{Name: p.ID, ClassName: "cibatest.profiles", Time: seconds(0)}
		note := &junitNote{Message: p.line(), Type: string(p.Verdict), Text: strings.Join(p.Reasons, "\n")}
		switch {
		case p.Verdict == result.Conformant:
			t.SystemOut = p.line() + "\n" + note.Text
		case p.Verdict == result.NonConformant && d.newsAbout(d.Profiles[i]):
			t.Failure = note
			suite.Failures++
		case d.Profiles[i].Counts && p.Verdict != result.NonConformant && d.Standing() == result.NotJudged:
			t.Error = note
			suite.Errors++
		default:
			t.Skipped = note
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, t)
	}
	return []junitSuite{suite}
}

// newsAbout reports whether the run failed for more than the baseline lists, and the profile
// with it.
func (d digest) newsAbout(p result.Profile) bool { return p.Failed > 0 && len(d.failures) > 0 }

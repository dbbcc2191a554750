package suites

import (
	"slices"

	"github.com/cibatest/cibatest/internal/driver"
)

// everyStartError are the refusals of [startErrors] and those that other cases
// met: an OP may know how to put an error for most reasons, and not for one.
func everyStartError(t *T) []Observed { return withAnswered(startErrors(t), t.Seen().Starts()) }

// everyPollError are the refusals of [pollErrors] and those that other cases met.
func everyPollError(t *T) []Observed { return withAnswered(pollErrors(t), t.Seen().Polls()) }

func withAnswered(list []Observed, others []driver.Answer) []Observed {
	for _, a := range others {
		known := slices.ContainsFunc(list, func(r Observed) bool { return r.Response == a.Response })
		if !known && a.Response.Status != 0 && (a.Response.Status/100 != 2 || SaysError(a.Response)) {
			list = append(list, Observed{"a request of the case " + a.By, a.Response})
		}
	}
	return list
}

// FirstOf judges answers until one has a finding: many answers that lack the same
// thing are one defect. Only that one becomes evidence.
func FirstOf(t *T, list []Observed, judge func(Observed)) {
	before := len(t.findings)
	for _, r := range list {
		judge(r)
		if len(t.findings) > before {
			t.driver.Recorder().Keep(r.Response)
			for i := range t.findings[before:] {
				t.findings[before+i].Exchange = t.driver.Recorder().Place(r.Response)
			}
			return
		}
	}
}

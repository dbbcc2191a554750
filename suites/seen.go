package suites

import (
	"slices"

	"github.com/cibatest/cibatest/internal/driver"
)

// everyStartError are the refusals of [startErrors] and those that other cases
// met: an OP may know how to put an error for most reasons, and not for one.
func (t *T) everyStartError() []refusal { return withAnswered(startErrors(t), t.Seen().Starts()) }

// everyPollError are the refusals of [pollErrors] and those that other cases met.
func (t *T) everyPollError() []refusal { return withAnswered(pollErrors(t), t.Seen().Polls()) }

func withAnswered(list []refusal, others []driver.Answer) []refusal {
	for _, a := range others {
		known := slices.ContainsFunc(list, func(r refusal) bool { return r.resp == a.Response })
		if !known && a.Response.Status != 0 && (a.Response.Status/100 != 2 || saysError(a.Response)) {
			list = append(list, refusal{"a request of the case " + a.By, a.Response})
		}
	}
	return list
}

// firstOf judges answers until one has a finding: many answers that lack the same
// thing are one defect. Only that one becomes evidence.
func (t *T) firstOf(list []refusal, judge func(refusal)) {
	before := len(t.findings)
	for _, r := range list {
		judge(r)
		if len(t.findings) > before {
			t.driver.Recorder().Keep(r.resp)
			for i := range t.findings[before:] {
				t.findings[before+i].Exchange = t.driver.Recorder().Place(r.resp)
			}
			return
		}
	}
}

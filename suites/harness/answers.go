package harness

import "github.com/cibatest/cibatest/internal/ciba"

// Observed is one of several answers that a case judges alike, and a name for what it
// answers.
type Observed struct {
	What     string
	Response *ciba.Response
}

// FirstOf judges answers until one has a finding: many answers that lack the same thing
// are one defect. Only that one becomes evidence, also where another case received it.
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

// SaysError reports whether the body is that of an error, whatever the status. A 200 that
// says error is neither a success nor a refusal, and clients read it either way.
func SaysError(resp *ciba.Response) bool {
	object, err := resp.Object()
	code, _ := object["error"].(string)
	return err == nil && code != ""
}

package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// JUnit writes JUnit XML: one suite for each area, one test case for each case, and a suite
// without test cases that tells what they have in common as properties, gravest first.
// A fail is a failure, an error an error. A skip and a deviation that the
// baseline expects are skipped, with the reason, as JUnit has no third state
// that would be seen. Warnings and observations pass and tell what they saw.
// What is wrong with the baseline, and that a run says too little, comes as cases
// of a suite of its own, so that the file is never greener than the exit code.
func JUnit(w io.Writer, run result.Run) error {
	run = inert(run)
	d := newDigest(run)
	all := junitSuites{Name: "cibatest conformance", Time: seconds(run.DurationMS)}
	index, causesIn := map[string]int{}, d.causeOfCases()
	for _, c := range run.Cases {
		i, ok := index[c.Area]
		if !ok {
			i = len(all.Suites)
			index[c.Area] = i
			all.Suites = append(all.Suites, junitSuite{Name: c.Area, Timestamp: junitStamp(run)})
		}
		all.Suites[i].add(c, causesIn[c.ID])
	}
	all.Suites = append(all.Suites, d.junitProfiles()...)
	all.Suites = append(all.Suites, d.junitCauses()...)
	all.Suites = append(all.Suites, d.junitVerdict()...)
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Time = seconds(s.spent)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	return all.write(w)
}

// junitVerdict are the suites about the run as a whole; none where its cases say it all.
func (d digest) junitVerdict() []junitSuite {
	suite := junitSuite{Name: "verdict", Timestamp: junitStamp(d.Run)}
	for _, p := range d.BaselineProblems() {
		suite.Failures++
		suite.Cases = append(suite.Cases, junitCase{
			Name: p.Entry, ClassName: "cibatest.baseline", Time: seconds(0), Failure: &junitNote{Message: p.Text, Type: string(p.Kind)},
		})
	}
	tooLittle := d.Standing() == result.NotJudged || d.Standing() == result.Interrupted
	if tooLittle && len(d.errors)+len(d.failures) == 0 {
		suite.Errors++
		suite.Cases = append(suite.Cases, junitCase{
			Name: "verdict", ClassName: "cibatest.verdict", Time: seconds(0),
			Error: &junitNote{Message: d.headline() + ": " + d.coverage(), Type: "not judged", Text: d.explanation()},
		})
	}
	if suite.Tests = len(suite.Cases); suite.Tests == 0 {
		return nil
	}
	return []junitSuite{suite}
}

// junitCauses is a suite that lists the causes; none where nothing was found.
func (d digest) junitCauses() []junitSuite {
	var list []junitProperty
	for i, c := range slices.Concat(d.causes.failing, d.causes.warning) {
		if i == manyCauses {
			list = append(list, junitProperty{"more", fmt.Sprint(len(d.causes.failing) + len(d.causes.warning) - i)})
			break
		}
		text := joined("; ", inWords(c), c.Change, "cases: "+some(c.Cases()))
		list = append(list, junitProperty{fmt.Sprintf("cause %d, %s", i+1, c.Outcome), text})
	}
	if len(list) == 0 {
		return nil
	}
	return []junitSuite{{Name: "causes", Timestamp: junitStamp(d.Run), Properties: &junitProperties{list}}}
}

// causeOfCases names the gravest cause of each case.
func (d digest) causeOfCases() map[string]string {
	of := map[string]string{}
	for _, c := range slices.Concat(d.causes.failing, d.causes.warning, d.causes.known) {
		for _, id := range c.Cases() {
			of[id] = firstOf(of[id], inWords(c))
		}
	}
	return of
}

func junitStamp(run result.Run) string { return run.Started.UTC().Format("2006-01-02T15:04:05") }

func (all junitSuites) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Time   string       `xml:"time,attr"`
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Time       string           `xml:"time,attr"`
	Timestamp  string           `xml:"timestamp,attr"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
	spent      int64
}

type junitCase struct {
	Name       string           `xml:"name,attr"`
	ClassName  string           `xml:"classname,attr"`
	Time       string           `xml:"time,attr"`
	Properties *junitProperties `xml:"properties"`
	Failure    *junitNote       `xml:"failure"`
	Error      *junitNote       `xml:"error"`
	Skipped    *junitNote       `xml:"skipped"`
	SystemOut  string           `xml:"system-out,omitempty"`
}

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(c result.Case, cause string) {
	s.Tests++
	s.spent += c.DurationMS
	t := junitCase{Name: c.ID, ClassName: "cibatest." + c.Area, Time: seconds(c.DurationMS), Properties: junitFacts(c, cause)}
	details := junitDetails(c)
	switch {
	case c.Known != "":
		s.Skipped++
		t.Skipped = &junitNote{Message: fmt.Sprintf("known deviation (%s): %s", c.Outcome, c.Known), Type: "known"}
		t.SystemOut = details
	case c.Outcome == result.Fail:
		s.Failures++
		t.Failure = &junitNote{Message: firstOf(c.Message, c.Title), Type: "non-conformance", Text: details}
	case c.Outcome == result.Error:
		s.Errors++
		t.Error = &junitNote{Message: firstOf(c.Reason, c.Message, c.Title), Type: "not judged", Text: details}
	case c.Outcome == result.Skip:
		s.Skipped++
		t.Skipped = &junitNote{Message: firstOf(c.Reason, c.Message, "no reason given")}
	case c.Outcome != result.Pass:
		t.SystemOut = details
	}
	s.Cases = append(s.Cases, t)
}

func junitFacts(c result.Case, cause string) *junitProperties {
	p := &junitProperties{}
	set := func(name, value string) {
		if value != "" {
			p.List = append(p.List, junitProperty{name, value})
		}
	}
	set("title", c.Title)
	set("requirements", strings.Join(c.Requirements, " "))
	set("outcome", string(c.Outcome))
	set("client", c.Client)
	set("cause", cause)
	return p
}

// junitDetails is what a person needs to act on a case.
func junitDetails(c result.Case) string {
	var b strings.Builder
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "%s: %s\n  expected: %s\n  actual:   %s\n", f.Outcome, joined(", ", f.Clause, string(f.Gravity)), f.Expected, f.Actual)
		for _, more := range [][2]string{{"the OP says", f.Says}, {"change", f.Change}, {"no failure", f.Why}, {"known", f.Known}} {
			if more[1] != "" {
				fmt.Fprintf(&b, "  %s: %s\n", more[0], more[1])
			}
		}
		if x := decisive(c, f); x != nil {
			fmt.Fprintf(&b, "  exchange: %d of %d, %s\n", f.Exchange, len(c.Exchanges), exchangeLine(*x))
		}
	}
	told := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
	}
	if len(c.Findings) == 0 && c.Message != c.Reason {
		told("message", c.Message)
	}
	if c.MoreFindings > 0 {
		told("and", plural(c.MoreFindings, "more finding", "more findings")+" of these kinds")
	}
	told("reason", c.Reason)
	told("reproduce", c.Reproduce)
	return b.String()
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func seconds(ms int64) string { return fmt.Sprintf("%.3f", float64(ms)/1000) }

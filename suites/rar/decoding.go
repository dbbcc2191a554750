package rar

import (
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// authorization_details travel as JSON in a form, so that an OP decodes them twice, once
// for each. One that decodes a layer again, or escapes a text for its own page, shows the
// user and returns to the client another text than was sent. The texts below turn into
// others by such a mistake.
const (
	// decodableText is another text when it is decoded from a form a second time.
	decodableText = " A+B %41"
	// quotableText is also another one when it is escaped once more for JSON or HTML.
	quotableText = decodableText + ` "C" \D & <E`
)

// startWithText starts a flow for a valid object with something added to a text of
// several words, which is a text for people. Types may restrict their texts, so a few are
// tried, with less to add in the end. An OP may refuse all of them.
func startWithText(t *T) (asked map[string]any, flow *Flow) {
	const mostTries = 4
	for _, addition := range []string{quotableText, decodableText} {
		if asked, flow = startWithAddition(t, addition, mostTries); flow != nil {
			return asked, flow
		}
	}
	t.Skip("no object of rar.valid has a text of several words that the OP takes with %q added", decodableText)
	return nil, nil
}

// startWithAddition adds to one text after the other until the OP accepts the request;
// the flow is nil when it never does.
func startWithAddition(t *T, addition string, most int) (map[string]any, *Flow) {
	tries := 0
	for _, d := range validDetails(t) {
		for n := 0; tries < most; n++ {
			countdown := n
			altered := d.edited(func(object map[string]any) { appendToText(object, &countdown, addition) })
			if countdown >= 0 {
				break // it has no more texts
			}
			tries++
			if resp := t.MustAnswer(t.Start(withDetails(t, altered))); resp.Status/100 == 2 {
				return altered.object, t.FlowOf(t.Client(), t.User(), resp)
			}
		}
	}
	return nil, nil
}

// appendToText lengthens one of the texts of several words, in the order of the names. The
// countdown says how many are before it and falls with each text; it is negative when the
// text was found.
func appendToText(object map[string]any, countdown *int, addition string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case string:
			if !strings.Contains(strings.TrimSpace(v), " ") {
				continue
			}
			if *countdown == 0 {
				object[name] = v + addition
			}
			*countdown--
		case map[string]any:
			appendToText(v, countdown, addition)
		}
		if *countdown < 0 {
			return
		}
	}
}

// judgeDecoded accuses an OP of texts that became others by a mistake of decoding. Any
// other change of a text is recorded, as an OP may clean texts in a way of its own.
func judgeDecoded(t *T, where string, asked map[string]any, returned []map[string]any) {
	expected := where + " has texts as they were sent"
	for _, pair := range details.Counterparts([]map[string]any{asked}, returned).Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if d.Kind != details.Changed || !isText(d.Asked) {
				continue
			}
			text, _ := d.Actual.(string)
			if mistake := decodingMistake(d.Asked.(string), text); mistake != "" {
				t.Check(false, expected, "%s: it was %s", d, mistake)
			} else {
				t.Info(expected, "%s", d)
			}
		}
	}
}

// decodingMistake is the mistake by which a text has become another one, empty when none
// of those known here explains it.
func decodingMistake(asked, returned string) string {
	if again, err := url.QueryUnescape(asked); err == nil && returned == again {
		return "decoded from the form twice"
	}
	quoted, _ := strings.CutPrefix(strings.TrimSuffix(details.Text(asked), `"`), `"`)
	switch {
	case returned == quoted, strings.ReplaceAll(returned, `\"`, `"`) == asked:
		return "escaped for JSON twice"
	case html.UnescapeString(returned) == asked:
		return "escaped for HTML"
	}
	return ""
}

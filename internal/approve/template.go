package approve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// placeholder is what a template has in place of a value: {auth_req_id}, {action},
// {login_hint}, {user}, {sub} or {authorization_details}. Other words in braces stay as
// they are, as a body of JSON is full of braces.
var placeholder = regexp.MustCompile(`\{(auth_req_id|action|login_hint|user|sub|authorization_details)\}`)

func hasPlaceholder(template string) bool { return placeholder.MatchString(template) }

// namesRequest reports whether a template says which request is decided.
func namesRequest(template string) bool { return strings.Contains(template, "{auth_req_id}") }

// values are what placeholders stand for in one decision, by their names.
type values map[string]string

// valuesOf is one decision in the words that the hook of the OP wants.
func valuesOf(d Decision, words targetfile.Actions) values {
	action := words.Deny
	if d.Allow {
		action = words.Allow
	}
	return values{
		"auth_req_id": d.AuthReqID, "action": action, "login_hint": d.User.LoginHint,
		"user": d.User.Name, "sub": d.User.Sub, "authorization_details": onOneLine(d.AuthorizationDetails),
	}
}

// onOneLine is JSON without the white space between its parts.
func onOneLine(data json.RawMessage) string {
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return string(data)
	}
	return compact.String()
}

// fill replaces the placeholders of a template, each value as write has it.
func (v values) fill(template string, write func(name, value string) string) string {
	return placeholder.ReplaceAllStringFunc(template, func(found string) string {
		name := strings.Trim(found, "{}")
		return write(name, v[name])
	})
}

// urlTemplate is a URL in which values may stand in the path and in the query.
type urlTemplate struct{ place, path, query string }

// parseURLTemplate refuses placeholders that would choose where a decision goes.
func parseURLTemplate(text string) (urlTemplate, error) {
	text, _, _ = strings.Cut(text, "#")
	before, query, hasQuery := strings.Cut(text, "?")
	if hasQuery {
		query = "?" + query
	}
	t := urlTemplate{place: before, query: query}
	if _, rest, absolute := strings.Cut(before, "://"); absolute {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			at := len(before) - len(rest) + slash
			t.place, t.path = before[:at], before[at:]
		}
	}
	if hasPlaceholder(t.place) {
		return urlTemplate{}, errors.New("a placeholder may stand in the path or in the query, and not before them: " +
			"it would choose where decisions go")
	}
	return t, nil
}

// fill escapes each value for the path or the query. A value must not be a segment
// that climbs in the path, which no escaping would hide from a server.
func (t urlTemplate) fill(v values) (string, error) {
	path := v.fill(t.path, func(_, value string) string { return url.PathEscape(value) })
	segments := strings.Split(path, "/")
	for i, template := range strings.Split(t.path, "/") {
		if segments[i] != template && slices.Contains([]string{".", ".."}, segments[i]) {
			return "", fmt.Errorf("a value is %q, which is a step in the path of the URL and no name", segments[i])
		}
	}
	return t.place + path + v.fill(t.query, func(_, value string) string { return url.QueryEscape(value) }), nil
}

// fillForm is for bodies that are forms, and for all that are not known to be others.
func fillForm(template string, v values) string {
	return v.fill(template, func(_, value string) string { return url.QueryEscape(value) })
}

// fillJSON is for bodies that are JSON. Inside the quotes of a string a value is
// escaped as text; outside it becomes a value of its own, so that it cannot add
// members: the list for {authorization_details}, or null, and a string for all else.
func fillJSON(template string, v values) string {
	var filled strings.Builder
	quoted := false
	for len(template) > 0 {
		at := placeholder.FindStringIndex(template)
		if at == nil {
			filled.WriteString(template)
			break
		}
		literal, name := template[:at[0]], strings.Trim(template[at[0]:at[1]], "{}")
		quoted = quotedAfter(literal, quoted)
		filled.WriteString(literal)
		if quoted {
			filled.WriteString(jsonText(v[name]))
		} else {
			filled.WriteString(jsonValue(name, v[name]))
		}
		template = template[at[1]:]
	}
	return filled.String()
}

// quotedAfter reports whether the place after a piece of JSON is inside a string.
func quotedAfter(piece string, quoted bool) bool {
	for i := 0; i < len(piece); i++ {
		switch piece[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		}
	}
	return quoted
}

// jsonText is a text as it stands inside the quotes of a JSON string.
func jsonText(s string) string {
	text, _ := json.Marshal(s)
	return string(text[1 : len(text)-1])
}

// jsonValue is a value where JSON has no quotes around it.
func jsonValue(name, value string) string {
	if name != "authorization_details" {
		return `"` + jsonText(value) + `"`
	}
	if !json.Valid([]byte(value)) {
		return "null"
	}
	return value
}

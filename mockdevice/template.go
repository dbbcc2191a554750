package mockdevice

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Template is an HTTP request that tells an OP of a decision. URL, header values and
// body may hold {auth_req_id}, {action}, {decision}, {reason}, {error}, {scope},
// {authorization_details}, {user}, {login_hint}, {sub}, {client_id}, {ref} and
// {label:NAME}; in a URL they are query-escaped, in a body they are escaped as its
// Content-Type wants. In a body of JSON, one outside the quotes of a string becomes a
// value of its own: the list for {authorization_details}, and a string for all else.
type Template struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    string

	// Words are what {action} is. The default is allow for approve, timeout when nobody
	// decided, and deny for all else.
	Words map[Action]string
}

// outlet fills the template for each decision.
func (t *Template) outlet() *outlet {
	return &outlet{request: func(r Request, d Decision) (*http.Request, error) {
		v := t.values(r, d)
		body := strings.NewReader(t.body(v))
		req, err := http.NewRequest(t.Method, v.fill(t.URL, url.QueryEscape), body) //nolint:noctx // the sender adds the context of its attempt
		if err != nil {
			return nil, fmt.Errorf("the template makes no request: %w", err)
		}
		req.Header.Set("Accept", "application/json")
		for name, value := range t.Headers {
			req.Header.Set(name, v.fill(value, oneLine))
		}
		return req, nil
	}}
}

// body is filled as its Content-Type wants.
func (t *Template) body(v values) string {
	for name, value := range t.Headers {
		if strings.EqualFold(name, "Content-Type") && strings.Contains(value, "json") {
			return v.fillJSON(t.Body)
		}
	}
	return v.fill(t.Body, url.QueryEscape)
}

// values are what placeholders stand for in one decision, by their names.
type values map[string]string

// values are those of a decision. What it does not narrow is told as it was asked.
func (t *Template) values(r Request, d Decision) values {
	v := values{
		"auth_req_id": r.AuthReqID, "ref": r.Ref, "action": t.word(d.Action), "decision": string(d.Action), "reason": d.Reason, "error": d.Error,
		"scope": r.Scope, "authorization_details": string(r.AuthorizationDetails),
		"user": r.User(), "login_hint": r.LoginHint, "sub": r.Sub, "client_id": r.ClientID,
	}
	if d.Scope != nil {
		v["scope"] = *d.Scope
	}
	if d.AuthorizationDetails != nil {
		v["authorization_details"] = string(d.AuthorizationDetails)
	}
	for name, value := range r.Labels {
		v["label:"+name] = value
	}
	return v
}

// placeholder is what may be one; other words in braces stay, as JSON is full of braces.
var placeholder = regexp.MustCompile(`\{([a-z_]+|label:[^{}]+)\}`)

// fill replaces the placeholders that have a value.
func (v values) fill(text string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		value, known := v[found[1:len(found)-1]]
		if !known {
			return found
		}
		return escape(value)
	})
}

// fillJSON is for bodies of JSON. No value can end the string it stands in or add a
// member.
func (v values) fillJSON(text string) string {
	var filled strings.Builder
	quoted, end := false, 0
	for _, at := range placeholder.FindAllStringIndex(text, -1) {
		literal, name := text[end:at[0]], text[at[0]+1:at[1]-1]
		value, known := v[name]
		if !known {
			continue
		}
		quoted = quotedAfter(literal, quoted)
		filled.WriteString(literal)
		switch {
		case quoted:
			filled.WriteString(inJSON(value))
		case name == "authorization_details" && value == "":
			filled.WriteString("null")
		case name == "authorization_details": // was checked when it arrived
			filled.WriteString(value)
		default:
			filled.WriteString(`"` + inJSON(value) + `"`)
		}
		end = at[1]
	}
	filled.WriteString(text[end:])
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

// inJSON is a text as it stands inside the quotes of a JSON string.
func inJSON(s string) string {
	quoted, _ := json.Marshal(s)
	return string(quoted[1 : len(quoted)-1])
}

// oneLine keeps a value from adding a header of its own.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// word is what {action} becomes.
func (t *Template) word(a Action) string {
	if w, ok := t.Words[a]; ok {
		return w
	}
	switch a {
	case Approve, Narrow: // a narrow decision is kept as an approval
		return "allow"
	case wire.TimedOut:
		return string(wire.TimedOut)
	case Deny, Cancel, Failure, Ignore: // without words of its own, a template knows one no
	}
	return "deny"
}

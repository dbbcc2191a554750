package mockdevice

import (
	"bytes"
	_ "embed" // the example
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed examples/adapters.yaml
var exampleAdapters []byte

// ExampleAdapters is an adapter file with everything there is, explained line by line.
func ExampleAdapters() []byte { return bytes.Clone(exampleAdapters) }

// LoadAdapters reads an adapter file.
func LoadAdapters(path string) (Adapters, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return Adapters{}, err
	}
	return ParseAdapters(path, text)
}

// ParseAdapters reads the text of an adapter file, as [ExampleAdapters] shows it; name
// is for messages. An error is of type [Problems].
func ParseAdapters(name string, text []byte) (Adapters, error) {
	var a Adapters
	err := readYAML(name, text, func(root value) {
		callback := func(to *string) func(value) {
			return func(v value) {
				v.fields(map[string]func(value){"callback": func(v value) { *to = v.address() }}, "callback")
			}
		}
		root.fields(map[string]func(value){
			"keycloak":     callback(&a.Keycloak.Callback),
			"authlete":     callback(&a.Authlete.Callback),
			"approval_url": func(v value) { a.ApprovalURL = v.template() },
			"generic": func(v value) {
				for _, item := range v.items() {
					a.Generic = append(a.Generic, item.generic(a.Generic))
				}
			},
			"pull": func(v value) {
				for _, item := range v.items() {
					a.Pull = append(a.Pull, item.pull())
				}
			},
		})
	})
	return a, err
}

var environment = regexp.MustCompile(`\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}`)

// expanded is a text with ${env:NAME} replaced.
func (v value) expanded() string {
	return environment.ReplaceAllStringFunc(v.text(), func(reference string) string {
		name := environment.FindStringSubmatch(reference)[1]
		text, ok := os.LookupEnv(name)
		if !ok {
			v.wrong("%s is not set in the environment", name)
		}
		return text
	})
}

// address reads a URL, which may be a template.
func (v value) address() string {
	text := v.expanded()
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		v.wrong("want an absolute http or https URL")
	}
	return text
}

func (v value) template() *Template {
	t := &Template{Method: http.MethodPost, Headers: map[string]string{}}
	v.fields(map[string]func(value){
		"method":  func(v value) { t.Method = v.choice(http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch) },
		"url":     func(v value) { t.URL = v.address() },
		"headers": func(v value) { v.headers(t.Headers) },
		"body":    func(v value) { t.Body = v.expanded() },
		"words":   func(v value) { t.Words = v.words() },
	}, "url")
	return t
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (v value) headers(into map[string]string) {
	v.each(func(name string, v value) {
		text := v.expanded()
		if !headerName.MatchString(name) || strings.ContainsAny(text, "\r\n") {
			v.wrong("not an HTTP header")
		}
		into[name] = text
	})
}

// each reads a mapping with names of the user's choice.
func (v value) each(read func(name string, v value)) {
	any := map[string]func(value){}
	for i := 0; i+1 < len(v.Content); i += 2 {
		name := v.Content[i].Value
		any[name] = func(v value) { read(name, v) }
	}
	v.fields(any)
}

func (v value) words() map[Action]string {
	words := map[Action]string{}
	known := map[string]func(value){}
	for _, a := range append(slices.Clone(actions), timedOut) {
		known[string(a)] = func(v value) { words[a] = v.text() }
	}
	v.fields(known)
	return words
}

func (v value) mapping() Mapping {
	var m Mapping
	to := func(p *pointer) func(value) { return func(v value) { *p = v.pointer() } }
	v.fields(map[string]func(value){
		"id": to(&m.ID), "user": to(&m.User), "client": to(&m.Client), "message": to(&m.Message), "scope": to(&m.Scope), "acr": to(&m.ACR),
		"details": to(&m.Details), "expires_at": to(&m.ExpiresAt), "expires_in": to(&m.ExpiresIn), "callback": to(&m.Callback),
		"callback_token": to(&m.CallbackToken),
		"labels": func(v value) {
			m.Labels = map[string]pointer{}
			v.each(func(name string, v value) { m.Labels[name] = v.pointer() })
		},
	}, "id")
	return m
}

func (v value) generic(before []Generic) Generic {
	g := Generic{Answer: Answer{Status: http.StatusAccepted, ContentType: "application/json"}}
	v.fields(map[string]func(value){
		"name": func(v value) {
			g.Name = v.name()
			if slices.ContainsFunc(before, func(other Generic) bool { return other.Name == g.Name }) {
				v.wrong("%q names another adapter already", g.Name)
			}
		},
		"map":      func(v value) { g.Mapping = v.mapping() },
		"answer":   func(v value) { g.Answer = v.answer() },
		"sync":     func(v value) { g.Sync = v.duration() },
		"decision": func(v value) { g.Out = v.template() },
	}, "name", "map")
	if g.Sync > 0 && g.Out != nil {
		v.wrong("with sync the answer carries the decision; leave decision out")
	}
	return g
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (v value) name() string {
	name := v.text()
	if !plainName.MatchString(name) || slices.Contains([]string{adapterNative, adapterKeycloak, adapterAuthlete}, name) {
		v.wrong("want a name of its own in lower case letters, digits and dashes")
	}
	return name
}

func (v value) answer() Answer {
	a := Answer{Status: http.StatusAccepted, ContentType: "application/json"}
	v.fields(map[string]func(value){
		"status":       func(v value) { a.Status = int(v.integer(200, 599)) },
		"content_type": func(v value) { a.ContentType = v.text() },
		"body":         func(v value) { a.Body = v.text() },
		"words":        func(v value) { a.Words = v.words() },
	})
	return a
}

func (v value) pull() Pull {
	p := Pull{Every: time.Second}
	v.fields(map[string]func(value){
		"name":     func(v value) { p.Name = v.name() },
		"every":    func(v value) { p.Every = max(v.duration(), 10*time.Millisecond) },
		"ask":      func(v value) { p.Ask = *v.template() },
		"items":    func(v value) { p.Items = v.pointer() },
		"map":      func(v value) { p.Mapping = v.mapping() },
		"decision": func(v value) { p.Out = v.template() },
	}, "name", "ask", "map")
	return p
}

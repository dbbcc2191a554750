package browse

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// submission is the request that a form makes.
type submission struct {
	method      string
	to          *url.URL
	contentType string
	body        []byte
}

// step is what a person does at a page: they log in where it asks for it, or press the
// button, which is the last thing to do.
func (p *page) step(v Visit) (next submission, last bool, err error) {
	if login := p.login(v.Login); login != nil {
		login.fill(v.Login)
		next, err = p.submit(login, login.firstButton())
		return next, false, err
	}
	f, button, err := p.find(v.Button)
	if err != nil {
		return submission{}, false, err
	}
	f.fill(v.Fields)
	if err := f.choose(v.Boxes); err != nil {
		return submission{}, false, err
	}
	next, err = p.submit(f, button)
	return next, true, err
}

// login is the form that has one of the fields, or nil.
func (p *page) login(fields map[string]string) *form {
	for _, f := range p.forms {
		if slices.ContainsFunc(f.controls, func(c *control) bool { _, asked := fields[c.name]; return asked && c.kind != "hidden" }) {
			return f
		}
	}
	return nil
}

// find is the one button, or the one link, that is called so.
func (p *page) find(name string) (*form, *control, error) {
	type found struct {
		form   *form
		button *control
	}
	var all []found
	var offered []string
	for _, f := range p.forms {
		for _, c := range f.controls {
			if !c.presses() {
				continue
			}
			if offered = append(offered, fmt.Sprintf("%.40q", c.label)); c.isCalled(name) {
				all = append(all, found{f, c})
			}
		}
	}
	for _, link := range p.links {
		if len(all) == 0 && link.isCalled(name) {
			return &form{}, link, nil
		}
	}
	switch len(all) {
	case 1:
		return all[0].form, all[0].button, nil
	case 0:
		return nil, nil, fmt.Errorf("the page has no button %.40q; it has %.200s", name, listed(offered))
	}
	return nil, nil, fmt.Errorf("the page has %d buttons that are called %.40q", len(all), name)
}

// listed writes what there is, or that there is nothing.
func listed(names []string) string {
	if len(names) == 0 {
		return "none (scripts are not run)"
	}
	return strings.Join(names, ", ")
}

// firstButton is what Enter presses; nil where a form has no button.
func (f *form) firstButton() *control {
	for _, c := range f.controls {
		if c.presses() {
			return c
		}
	}
	return nil
}

// fill writes into fields, and chooses among radio buttons and options, by their names.
// What a page has hidden stays as it is.
func (f *form) fill(fields map[string]string) {
	for _, c := range f.controls {
		value, ok := fields[c.name]
		if !ok {
			continue
		}
		switch c.kind {
		case "hidden", "submit", "image", "button", "reset", "checkbox", "file":
		case "radio":
			c.checked = c.value == value
		case "select":
			if slices.Contains(c.options, value) {
				c.value = value
			}
		default:
			c.value = value
		}
	}
}

// choose checks and clears boxes. A form that cannot leave out what is to be left out is
// not submitted.
func (f *form) choose(boxes map[string]Choice) error {
	for name, choice := range boxes {
		var cleared []string
		for _, c := range f.controls {
			if c.name != name {
				continue
			}
			if c.kind == "checkbox" {
				if c.checked = slices.Contains(choice.Keep, c.value); !c.checked {
					cleared = append(cleared, c.value)
				}
			}
		}
		for _, value := range choice.Drop {
			fixed := slices.ContainsFunc(f.controls, func(c *control) bool {
				return c.name == name && c.value == value && c.kind != "checkbox"
			})
			if fixed || !slices.Contains(cleared, value) {
				return fmt.Errorf("the form has no check box %.40q of the value %.80q, so it cannot carry less than was asked", name, value)
			}
		}
	}
	return nil
}

// pairs are what the form sends when a button is pressed.
func (f *form) pairs(button *control) (names, values []string) {
	for _, c := range f.controls {
		sent := c.name != "" && c.kind != "button" && c.kind != "reset" && c.kind != "file"
		switch {
		case c.kind == "checkbox" || c.kind == "radio":
			sent = sent && c.checked
		case c.presses():
			sent = sent && c == button
		}
		if sent {
			names, values = append(names, c.name), append(values, c.value)
		}
	}
	return names, values
}

// submit makes the request of a form and a button, which has the last word on where and how.
func (p *page) submit(f *form, button *control) (submission, error) {
	action, method := f.action, f.method
	if button != nil && button.action != "" {
		action = button.action
	}
	if button != nil && button.method != "" {
		method = button.method
	}
	to, err := p.target(action)
	if err != nil {
		return submission{}, err
	}
	if button != nil && button.kind == "a" {
		return submission{method: http.MethodGet, to: to}, nil
	}
	names, values := f.pairs(button)
	if !strings.EqualFold(method, http.MethodPost) {
		to.RawQuery = encoded(names, values)
		return submission{method: http.MethodGet, to: to}, nil
	}
	s := submission{http.MethodPost, to, "application/x-www-form-urlencoded", []byte(encoded(names, values))}
	if strings.EqualFold(f.encoding, "multipart/form-data") {
		s.body, s.contentType = inParts(names, values)
	}
	return s, nil
}

// encoded keeps the order of the form, which url.Values would not.
func encoded(names, values []string) string {
	pairs := make([]string, len(names))
	for i := range names {
		pairs[i] = url.QueryEscape(names[i]) + "=" + url.QueryEscape(values[i])
	}
	return strings.Join(pairs, "&")
}

// inParts is multipart/form-data of RFC 7578.
func inParts(names, values []string) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := range names {
		_ = w.WriteField(names[i], values[i]) // a buffer takes everything
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

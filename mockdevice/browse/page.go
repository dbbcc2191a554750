package browse

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// page is what a browser without scripts makes of an answer.
type page struct {
	status int
	at     *url.URL // with a base element of the page: what its addresses start from
	forms  []*form
	links  []*control // anchors, which pages dress as buttons
	root   *html.Node // nil: it is no HTML
	text   string     // where it is no HTML
}

// form is a form with its controls, in their order.
type form struct {
	id, action, method, encoding string
	controls                     []*control
}

// control is a field or a button of a form, or a link.
type control struct {
	kind        string // the type of an input; or button, select, textarea, a
	name, value string
	id, label   string
	checked     bool
	options     []string // of a select: the values there are
	action      string   // where a button or a link goes, instead of the form's
	method      string
}

// readPage understands HTML; any other answer has its text and nothing to press.
func readPage(status int, at *url.URL, contentType string, text []byte) (*page, error) {
	p := &page{status: status, at: at}
	media, _, _ := mime.ParseMediaType(contentType)
	if media != "text/html" && media != "application/xhtml+xml" {
		p.text = string(text)
		return p, nil
	}
	decoded, err := charset.NewReader(bytes.NewReader(text), contentType)
	if err == nil {
		p.root, err = html.ParseWithOptions(decoded, html.ParseOptionEnableScripting(false))
	}
	if err != nil {
		return nil, fmt.Errorf("the page cannot be read: %w", err)
	}
	p.collect(p.root, nil, false)
	return p, nil
}

// collect goes through the elements. The owner of a control is the form around it, or the
// one that its form attribute names; a disabled fieldset disables what is in it.
func (p *page) collect(n *html.Node, owner *form, disabled bool) {
	if n.Type == html.ElementNode {
		disabled = disabled || has(n, "disabled")
		switch n.DataAtom {
		case atom.Template:
			return
		case atom.Base:
			if base, err := p.at.Parse(attr(n, "href")); err == nil {
				p.at = base
			}
		case atom.Form:
			owner = p.form(attr(n, "id"))
			owner.action, owner.method, owner.encoding = attr(n, "action"), attr(n, "method"), attr(n, "enctype")
		case atom.A:
			if href := attr(n, "href"); href != "" {
				p.links = append(p.links, &control{kind: "a", id: attr(n, "id"), label: words(textOf(n)), action: href})
			}
		default:
			if c := controlOf(n); c != nil && !disabled {
				p.own(n, owner, c)
			}
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		p.collect(child, owner, disabled)
	}
}

// form is the form of an id, or a new one: a control may come before the form it names.
func (p *page) form(id string) *form {
	for _, f := range p.forms {
		if id != "" && f.id == id {
			return f
		}
	}
	f := &form{id: id}
	p.forms = append(p.forms, f)
	return f
}

// own gives a control to its form. One without a form does nothing.
func (p *page) own(n *html.Node, owner *form, c *control) {
	if id := attr(n, "form"); id != "" {
		owner = p.form(id)
	}
	if owner != nil {
		owner.controls = append(owner.controls, c)
	}
}

// controlOf reads an element; nil where it is no control.
func controlOf(n *html.Node) *control {
	c := &control{
		kind: strings.ToLower(attr(n, "type")), name: attr(n, "name"), value: attr(n, "value"), id: attr(n, "id"),
		checked: has(n, "checked"), action: attr(n, "formaction"), method: attr(n, "formmethod"),
	}
	switch n.DataAtom {
	case atom.Input:
		c.label = c.value
		if (c.kind == "checkbox" || c.kind == "radio") && !has(n, "value") {
			c.value = "on"
		}
	case atom.Button:
		if c.kind == "" {
			c.kind = "submit"
		}
		c.label = words(textOf(n))
	case atom.Textarea:
		c.kind, c.value = "textarea", textOf(n)
	case atom.Select:
		c.kind = "select"
		c.choose(n)
	default:
		return nil
	}
	return c
}

// choose reads the options of a select. Without a selected one the first is.
func (c *control) choose(n *html.Node) {
	selected := false
	for option := range n.Descendants() {
		if option.DataAtom != atom.Option || has(option, "disabled") {
			continue
		}
		value := words(textOf(option))
		if has(option, "value") {
			value = attr(option, "value")
		}
		if c.options = append(c.options, value); has(option, "selected") || !selected && len(c.options) == 1 {
			c.value = value
			selected = has(option, "selected")
		}
	}
}

// presses reports whether the control submits its form.
func (c *control) presses() bool { return c.kind == "submit" || c.kind == "image" || c.kind == "a" }

// isCalled reports whether a person would call a button so: by what it says, or as its
// page does.
func (c *control) isCalled(name string) bool {
	return strings.EqualFold(c.label, words(name)) || c.value == name || c.id == name && name != ""
}

// words are what a page says to a reader.
func (p *page) words() string {
	if p.root == nil {
		return words(p.text)
	}
	return words(textOf(p.root))
}

// textOf is the text within an element, without that of scripts and styles.
func textOf(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			if child.DataAtom != atom.Script && child.DataAtom != atom.Style && child.DataAtom != atom.Template {
				walk(child)
			}
		}
	}
	walk(n)
	return b.String()
}

// attr is the value of an attribute, or empty.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// has reports whether an element has an attribute, whatever its value.
func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// target is where a submission goes.
func (p *page) target(action string) (*url.URL, error) {
	u, err := p.at.Parse(strings.TrimSpace(action))
	if err != nil {
		return nil, errors.New("the form's action is no URL")
	}
	u.Fragment = ""
	return u, nil
}

package mockdevice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/browse"
	"github.com/cibatest/cibatest/mockdevice/inbox"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Link is how a decision follows a link, as a browser without scripts would.
type Link struct {
	Origins []browse.Origin   // the only ones that are reached
	Open    map[Action]string // the find that holds the link of a decision; default: link
	Press   map[Action]string // what the button says; none: opening the link decides
	Fill    map[string]string // fields of the form, by name; with placeholders as in [Template]
	Login   map[string]string // fields of a form to log in with, likewise
	Words   map[Action]string // what {action} is
	Scopes  string            // the name of the check boxes whose values are scopes
	Details string            // the name of the check boxes whose values count the objects of authorization_details from 0
	Done    *regexp.Regexp    // what the last page has to say; nil: anything
}

// firstFind is the name of the find that is followed where nothing else is said.
const firstFind = "link"

// outlet follows the link for each decision.
func (l *Link) outlet() *outlet { return &outlet{visit: l.follow} }

// follow makes the visit of a decision.
func (l *Link) follow(ctx context.Context, transport http.RoundTripper, r Request, d Decision) (status int, err error) {
	visit, err := l.visit(r, d)
	if err != nil {
		return 0, err
	}
	browser := browse.Browser{Transport: transport, Origins: l.Origins}
	status, err = browser.Do(ctx, visit)
	if failed, ok := errors.AsType[*browse.StatusError](err); ok {
		return failed.Status, &RefusedError{failed.Status}
	}
	return status, err
}

// visit is what a person would do who decides so.
func (l *Link) visit(r Request, d Decision) (browse.Visit, error) {
	if d.Has(WrongToken) {
		return browse.Visit{}, errors.New("a link carries no token, so none can be wrong")
	}
	boxes, err := l.boxes(r, d)
	if err != nil {
		return browse.Visit{}, err
	}
	find := firstFind
	if other := ofAction(l.Open, d.Action); other != "" {
		find = other
	}
	v := (&Template{Words: l.Words}).values(r, d)
	visit := browse.Visit{
		Link: r.Labels[find], Button: ofAction(l.Press, d.Action), Boxes: boxes, Done: l.Done,
		Fields: fields(l.Fill, v), Login: fields(l.Login, v),
	}
	if visit.Link == "" {
		return visit, fmt.Errorf("the message has no %s to follow", find)
	}
	return visit, nil
}

// ofAction is what is said for an action. What is no approval is a denial where nothing is
// said for it: a page knows one no.
func ofAction(said map[Action]string, a Action) string {
	if word, ok := said[a]; ok || a == Approve {
		return word
	}
	return said[Deny]
}

// fields replaces the placeholders of fields.
func fields(written map[string]string, v values) map[string]string {
	out := map[string]string{}
	for name, value := range written {
		out[name] = v.fill(value, func(s string) string { return s })
	}
	return out
}

// boxes are the check boxes of an approval. What the form cannot leave out is an error
// before anything is sent.
func (l *Link) boxes(r Request, d Decision) (map[string]browse.Choice, error) {
	boxes := map[string]browse.Choice{}
	if d.Action != Approve {
		return boxes, nil
	}
	scopes, err := scopesOf(r, d)
	if err == nil {
		err = choose(boxes, "link.scopes", l.Scopes, scopes)
	}
	if err != nil {
		return nil, err
	}
	details, err := detailsOf(r, d)
	if err == nil {
		err = choose(boxes, "link.details", l.Details, details)
	}
	return boxes, err
}

// choose adds a choice to the boxes of a name.
func choose(boxes map[string]browse.Choice, setting, name string, c browse.Choice) error {
	switch {
	case name == "" && len(c.Drop) > 0:
		return fmt.Errorf("this road cannot carry less than was asked: no %s names the check boxes of the form", setting)
	case name != "" && len(c.Keep)+len(c.Drop) > 0:
		boxes[name] = c
	}
	return nil
}

// scopesOf divides the scope that was asked for by what is granted of it.
func scopesOf(r Request, d Decision) (c browse.Choice, err error) {
	asked := strings.Fields(r.Scope)
	if d.Scope == nil {
		return browse.Choice{Keep: asked}, nil
	}
	if len(asked) == 0 {
		return c, errors.New("the message does not tell the scope (find.scope), so nothing of it can be left out")
	}
	granted := strings.Fields(*d.Scope)
	for _, scope := range asked {
		if slices.Contains(granted, scope) {
			c.Keep = append(c.Keep, scope)
		} else {
			c.Drop = append(c.Drop, scope)
		}
	}
	return c, nil
}

// detailsOf divides the objects that were asked for by what is granted of them, by their
// number. One that is granted with other members has no box.
func detailsOf(r Request, d Decision) (c browse.Choice, err error) {
	asked, _ := r.Details() // was checked when it arrived
	granted := asked
	if d.AuthorizationDetails != nil {
		granted, _ = wire.ParseDetails(d.AuthorizationDetails) // was checked when it was decided
	}
	left := map[string]int{}
	for _, object := range granted {
		text, _ := object.MarshalJSON()
		left[string(text)]++
	}
	for i, object := range asked {
		text, _ := object.MarshalJSON()
		if left[string(text)] > 0 {
			left[string(text)]--
			c.Keep = append(c.Keep, strconv.Itoa(i))
		} else {
			c.Drop = append(c.Drop, strconv.Itoa(i))
		}
	}
	for _, n := range left {
		if n > 0 {
			return c, errors.New("an object of authorization_details was changed, and the boxes of a form can only leave one out")
		}
	}
	return c, nil
}

// replyOutlet answers with a request of its own, for messages with a code.
func (b *Inbox) replyOutlet() *outlet {
	reply := b.Reply.outlet()
	return &outlet{request: func(r Request, d Decision) (*http.Request, error) {
		if err := b.Reply.carries(d); err != nil {
			return nil, err
		}
		labels := maps.Clone(r.Labels)
		labels["from"], labels["to"] = r.Message.From, r.Message.To
		if d.Has(WrongToken) && labels["code"] != "" {
			labels["code"] = "not-the-code-of-this-request"
		}
		r.Labels = labels
		req, err := reply.request(r, d)
		if err == nil && b.Road == RoadSMS && b.Secret != "" {
			err = sign(req, b.Secret)
		}
		return req, err
	}}
}

// sign signs a form as the gateway for text messages does that the device stands in for.
// Any other body stays as it is.
func sign(req *http.Request, token string) error {
	if req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return fmt.Errorf("the reply is no form: %w", err)
	}
	req.Header.Set("X-Twilio-Signature", inbox.Signature(token, req.URL.String(), form))
	return nil
}

// carries refuses an approval of less than was asked where the template has no place to
// say so: it would grant all.
func (t *Template) carries(d Decision) error {
	whole := t.URL + t.Body + strings.Join(slices.Collect(maps.Values(t.Headers)), " ")
	switch {
	case d.Scope != nil && !strings.Contains(whole, "{scope}"):
		return errors.New("this road cannot carry less than was asked: the reply has no {scope}")
	case d.AuthorizationDetails != nil && !strings.Contains(whole, "{authorization_details}"):
		return errors.New("this road cannot carry less than was asked: the reply has no {authorization_details}")
	}
	return nil
}

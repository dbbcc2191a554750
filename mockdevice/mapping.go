package mockdevice

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// request reads a document.
func (m Mapping) request(document tree.Value) (Request, error) {
	var r Request
	texts := []struct {
		name string
		at   tree.Pointer
		to   *string
	}{
		{"id", m.ID, &r.AuthReqID},
		{"user", m.User, &r.LoginHint},
		{"client", m.Client, &r.ClientID},
		{"message", m.Message, &r.BindingMessage},
		{"scope", m.Scope, &r.Scope},
		{"acr", m.ACR, &r.ACRValues},
		{"callback", m.Callback, &r.Callback},
		{"callback_token", m.CallbackToken, &r.CallbackToken},
	}
	for _, t := range texts {
		text, err := textAt(document, t.at)
		if err != nil {
			return Request{}, fmt.Errorf("%s (%s): %w", t.name, t.at, err)
		}
		*t.to = text
	}
	if r.AuthReqID == "" {
		return Request{}, fmt.Errorf("id (%s) is missing", m.ID)
	}
	for name, at := range m.Labels {
		if text, err := textAt(document, at); err == nil && text != "" {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[name] = text
		}
	}
	return r, errors.Join(m.readDetails(document, &r), m.readExpiry(document, &r))
}

// textAt is the text at a tree.Pointer, or empty. A list of words, as some OPs write
// scopes, becomes one text.
func textAt(document tree.Value, at tree.Pointer) (string, error) {
	if at == nil {
		return "", nil
	}
	value, ok := at.First(document)
	if !ok || value.Kind == tree.Null {
		return "", nil
	}
	if text, ok := value.Scalar(); ok {
		return text, nil
	}
	if value.Kind != tree.Array {
		return "", errors.New("not a text")
	}
	words := make([]string, len(value.Items))
	for i, item := range value.Items {
		if words[i], ok = item.Scalar(); !ok {
			return "", errors.New("not a list of texts")
		}
	}
	return strings.Join(words, " "), nil
}

// readDetails takes an array, or the text of one.
func (m Mapping) readDetails(document tree.Value, r *Request) error {
	if m.Details == nil {
		return nil
	}
	value, ok := m.Details.First(document)
	switch {
	case !ok || value.Kind == tree.Null:
		return nil
	case value.Kind == tree.String:
		r.AuthorizationDetails = []byte(value.Text)
		return nil
	}
	raw, err := value.MarshalJSON()
	r.AuthorizationDetails = raw
	return err
}

// readExpiry takes a time as RFC 3339 or Unix seconds, or a number of seconds from now.
func (m Mapping) readExpiry(document tree.Value, r *Request) error {
	if text, err := textAt(document, m.ExpiresAt); err != nil || text != "" {
		if err == nil {
			r.ExpiresAt, err = wire.ParseTime(text)
		}
		if err != nil {
			return fmt.Errorf("expires_at (%s): %w", m.ExpiresAt, err)
		}
		return nil
	}
	if text, err := textAt(document, m.ExpiresIn); err != nil || text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds <= 0 || seconds > int(wire.MaxLife/time.Second) {
			return fmt.Errorf("expires_in (%s): %.40q is not a number of seconds", m.ExpiresIn, text)
		}
		r.ExpiresAt = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return nil
}

package inbox

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// ReadSMS reads the form that Twilio's Messages resource takes: From or
// MessagingServiceSid, To, and Body.
func ReadSMS(form url.Values) (wire.Message, error) {
	m := wire.Message{From: form.Get("From"), To: form.Get("To"), Text: form.Get("Body")}
	if m.From == "" {
		m.From = form.Get("MessagingServiceSid")
	}
	switch {
	case m.To == "":
		return m, errors.New("a 'To' phone number is required")
	case m.From == "":
		return m, errors.New("a 'From' phone number is required")
	case m.Text == "":
		return m, errors.New("message body is required")
	case len([]rune(m.Text)) > maxSMS:
		return m, fmt.Errorf("the message body is longer than %d characters", maxSMS)
	}
	return m, nil
}

// maxSMS is the longest text that Twilio takes, in characters.
const maxSMS = 1600

// ReadFCM reads the body of FCM's messages:send. The recipient is the token, topic or
// condition; the text has the notification's title and body, and then a line "name: value"
// for each member of the data and all else.
func ReadFCM(body []byte) (wire.Message, error) {
	document, err := tree.Parse(body)
	if err != nil {
		return wire.Message{}, err
	}
	sent, ok := document.Get("message")
	if !ok || sent.Kind != tree.Object {
		return wire.Message{}, errors.New("message is missing")
	}
	m := wire.Message{From: "FCM"}
	if m.Text, err = lines(sent); err != nil {
		return m, err
	}
	for _, name := range []string{"token", "topic", "condition"} {
		if m.To == "" {
			m.To = sent.Word(name)
		}
	}
	if m.To == "" {
		return m, errors.New("message.token is missing")
	}
	if notification, ok := sent.Get("notification"); ok {
		m.Subject = notification.Word("title")
	}
	return m, nil
}

// Pointers find the parts of a message in a JSON document of any shape. Without Text all
// of the document is the text, a line "name: value" for each value.
type Pointers struct{ From, To, Subject, Text tree.Pointer }

// Read reads a document. A message needs a recipient.
func (p Pointers) Read(body []byte) (wire.Message, error) {
	document, err := tree.Parse(body)
	if err != nil {
		return wire.Message{}, err
	}
	at := func(pointer tree.Pointer) string {
		if pointer == nil {
			return ""
		}
		value, _ := pointer.First(document)
		text, _ := value.Scalar()
		return text
	}
	m := wire.Message{From: at(p.From), To: at(p.To), Subject: at(p.Subject), Text: at(p.Text)}
	if p.Text == nil {
		m.Text, err = lines(document)
	}
	switch {
	case err != nil:
		return m, err
	case m.To == "":
		return m, fmt.Errorf("to (%s) is missing", p.To)
	case m.Text == "":
		return m, fmt.Errorf("text (%s) is missing", p.Text)
	}
	return m, nil
}

// lines writes each value of a document as "name: value", the names of objects around it
// before its own. A value has one line whatever is in it, or it could write further ones.
func lines(document tree.Value) (string, error) {
	var b strings.Builder
	var write func(name string, v tree.Value)
	write = func(name string, v tree.Value) {
		if b.Len() > maxText {
			return
		}
		for _, member := range v.Members {
			write(strings.TrimPrefix(name+"."+member.Name, "."), member.Value)
		}
		for i, item := range v.Items {
			write(fmt.Sprintf("%s.%d", name, i), item)
		}
		if text, ok := v.Scalar(); ok {
			b.WriteString(name + ": " + oneLine(text) + "\n")
		}
	}
	if write("", document); b.Len() > maxText {
		return "", fmt.Errorf("the message has more than %d KiB of text", maxText>>10)
	}
	return b.String(), nil
}

// oneLine takes the line breaks out of a text.
func oneLine(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\u2028", " ", "\u2029", " ").Replace(text)
}

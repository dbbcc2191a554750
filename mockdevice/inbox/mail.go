package inbox

import (
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails are written in many
	"golang.org/x/net/html"
)

// The bounds of one mail.
const (
	MaxMail    = 1 << 20 // bytes, as it is transferred
	maxParts   = 40
	maxDepth   = 6 // of parts within parts
	maxHeader  = 64 << 10
	maxText    = 256 << 10 // bytes of its text, decoded
	maxInParts = 2 * maxText
)

// ReadMail reads a message of RFC 5322 with its MIME parts. Its text is that of all parts
// that people read, the addresses of links of HTML in angle brackets behind their words;
// attachments are left out. The recipient is the one of the header, if there is one; that
// of the envelope is the caller's to set.
func ReadMail(r io.Reader) (wire.Message, error) {
	entity, err := message.ReadWithOptions(io.LimitReader(r, MaxMail), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if err != nil && !readable(err) {
		return wire.Message{}, fmt.Errorf("the mail cannot be read: %w", err)
	}
	m := wire.Message{From: header(entity, "From"), Subject: header(entity, "Subject")}
	if to, err := mail.ParseAddress(header(entity, "To")); err == nil {
		m.To = to.Address
	}
	var text strings.Builder
	n := 0
	err = entity.Walk(func(path []int, part *message.Entity, err error) error {
		switch n++; {
		case err != nil && !readable(err):
			return err
		case n > maxParts || len(path) > maxDepth:
			return fmt.Errorf("the mail has more than %d parts, or parts more than %d deep", maxParts, maxDepth)
		case text.Len() > maxText:
			return fmt.Errorf("the mail has more than %d KiB of text", maxText>>10)
		}
		return addPart(&text, part)
	})
	if err != nil {
		return wire.Message{}, fmt.Errorf("the mail cannot be read: %w", err)
	}
	m.Text = text.String()
	return m, nil
}

// readable reports whether a part can be read all the same: as it is, in an encoding that
// nobody knows.
func readable(err error) bool { return message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) }

// header is a header field as people read it, or empty.
func header(e *message.Entity, name string) string {
	text, err := e.Header.Text(name)
	if err != nil {
		return e.Header.Get(name)
	}
	return text
}

// addPart adds the text of a part that people read.
func addPart(to *strings.Builder, part *message.Entity) error {
	media, _, err := part.Header.ContentType()
	if err != nil || media == "" {
		media = "text/plain" // RFC 2045 5.2
	}
	disposition, _, _ := part.Header.ContentDisposition()
	if disposition == "attachment" || media != "text/plain" && media != "text/html" {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(part.Body, maxText+1))
	switch {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case len(raw) > maxText:
		return fmt.Errorf("a part has more than %d KiB of text", maxText>>10)
	}
	if to.Len() > 0 {
		to.WriteString("\n")
	}
	if media == "text/html" {
		writeHTML(to, string(raw))
		return nil
	}
	to.Write(raw)
	return nil
}

// blocks are the elements that begin a line of their own.
var blocks = map[string]bool{
	"p": true, "br": true, "div": true, "tr": true, "li": true, "table": true, "h1": true, "h2": true, "h3": true, "h4": true, "hr": true,
	"blockquote": true, "section": true, "td": true, "th": true,
}

// unread are the elements whose text no reader of a mail sees.
var unread = map[string]bool{"script": true, "style": true, "head": true, "template": true, "title": true}

// writeHTML writes the text of HTML, line by line. It goes token by token: nothing that
// a stranger nests takes more than one pass.
func writeHTML(to *strings.Builder, text string) {
	hidden, href := 0, ""
	for z := html.NewTokenizer(strings.NewReader(text)); to.Len() < maxInParts; {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			return
		case html.TextToken:
			if hidden == 0 {
				to.WriteString(strings.Join(strings.Fields(token.Data), " ") + " ")
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			switch {
			case unread[token.Data] && kind == html.StartTagToken:
				hidden++
			case blocks[token.Data]:
				to.WriteString("\n")
			case token.Data == "a":
				href = hrefOf(token)
			}
		case html.EndTagToken:
			switch {
			case unread[token.Data] && hidden > 0:
				hidden--
			case token.Data == "a" && href != "" && hidden == 0:
				to.WriteString("<" + href + "> ")
				href = ""
			case blocks[token.Data]:
				to.WriteString("\n")
			}
		case html.CommentToken, html.DoctypeToken:
		}
	}
}

// hrefOf is where a link leads, in one line.
func hrefOf(token html.Token) string {
	for _, a := range token.Attr {
		if a.Key == "href" {
			return strings.Join(strings.Fields(a.Val), "")
		}
	}
	return ""
}

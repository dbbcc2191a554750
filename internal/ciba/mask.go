package ciba

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// masked are the fields whose values never reach the evidence, as [plainName] has them.
var masked = map[string]bool{
	"clientsecret": true, "clientassertion": true, "clientnotificationtoken": true, "accesstoken": true,
	"idtoken": true, "refreshtoken": true, "authreqid": true, "loginhinttoken": true, "idtokenhint": true,
	"urn:openid:params:jwt:claim:authreqid": true, "usercode": true, "request": true, "token": true, "code": true, "password": true,
	"registrationaccesstoken": true,
}

// plainName is the name of a field in one spelling for all: an OP that answers with
// accessToken has given a token away, too.
func plainName(name string) string {
	return strings.ToLower(joined.Replace(name))
}

// joined takes out what parts the words of a name.
var joined = strings.NewReplacer("_", "", "-", "")

func isMasked(name string) bool { return masked[plainName(name)] }

// maskedHeaders are the headers whose values never reach the evidence.
var maskedHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true, "Dpop": true}

// Masker hides secrets by the name of their field and, for values known
// beforehand and those that were hidden once, wherever they turn up again: raw,
// escaped for URLs, JSON or HTML. Those known beforehand are found in base64, within a
// longer value as well, in hexadecimal, and in capitals, too. Equal values get the same
// mark within a run, so that a reader sees that two were equal. It is safe for
// concurrent use.
type Masker struct {
	key   [16]byte
	mu    sync.RWMutex
	known known
}

// NewMasker makes a masker that knows some secret values.
func NewMasker(secrets ...string) *Masker {
	m := &Masker{}
	_, _ = rand.Read(m.key[:])
	for _, s := range secrets {
		m.known.keep(s, m.mark(s))
	}
	return m
}

// hidden is the mark of a value, which is hidden from now on wherever it turns up.
func (m *Masker) hidden(value string) string {
	mark := m.mark(value)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known.passBy(value, mark)
	return mark
}

// mark stands for a hidden value: a digest keyed for this run.
func (m *Masker) mark(value string) string {
	h := hmac.New(sha256.New, m.key[:])
	h.Write([]byte(value))
	return "[masked:" + hex.EncodeToString(h.Sum(nil)[:3]) + "]"
}

// Text hides known values in any text.
func (m *Masker) Text(s string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.known.hide(s)
}

// form hides fields of a form or query, keeping order, duplicates and spelling. It
// calls hidden with each field that it hides.
func (m *Masker) form(encoded string, hidden func(name, value string)) string {
	parts := strings.Split(encoded, "&")
	for i, part := range parts {
		name, value, hasValue := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && hasValue && value != "" && isMasked(plain) {
			if raw, err := url.QueryUnescape(value); err == nil {
				value = raw
			}
			parts[i] = name + "=" + m.hidden(value)
			hidden(plain, value)
		}
	}
	return m.Text(strings.Join(parts, "&"))
}

// body hides fields of a JSON or form body, and known values in any other. The
// JWTs among the hidden fields are returned decoded.
func (m *Masker) body(contentType string, body []byte) (shown string, tokens []result.Token) {
	shown = m.hide(contentType, body, func(name, value string) {
		if t, ok := m.decoded(name, value); ok && !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	})
	return shown, tokens
}

// hide chooses how to look for fields by what a body looks like rather than by its
// Content-Type, which an OP may get wrong. Whatever is no form is searched for the
// members of JSON, since something may stand before it.
func (m *Masker) hide(contentType string, body []byte, hidden func(name, value string)) string {
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	trimmed := strings.TrimSpace(text)
	isForm := strings.Contains(strings.ToLower(contentType), "form-urlencoded")
	looksLikeForm := !strings.ContainsAny(trimmed, "<{\" \n") && strings.Contains(trimmed, "=")
	if isForm && !strings.HasPrefix(trimmed, "{") || looksLikeForm {
		return m.form(text, hidden)
	}
	return m.Text(m.bare(m.jsonText(text, hidden)))
}

// stringEnd is the index after the JSON string that begins at i.
func stringEnd(text string, i int) int {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(text)
}

// header is all lines sorted by name. Of a hidden one the scheme stays, since a reader
// wants to know whether it was Basic or Bearer.
func (m *Masker) header(h http.Header) []result.Header {
	var list []result.Header
	for name, values := range h {
		for _, value := range values {
			if maskedHeaders[http.CanonicalHeaderKey(name)] {
				scheme, rest, found := strings.Cut(value, " ")
				if !found {
					scheme, rest = "", value
				}
				value = strings.TrimSpace(scheme + " " + m.hidden(rest))
			}
			value = m.Text(strings.ToValidUTF8(value, "\uFFFD"))
			list = append(list, result.Header{Name: name, Value: value})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// url hides fields of the query and leaves out user and password.
func (m *Masker) url(u *url.URL) string {
	shown := *u
	shown.RawQuery = ""
	shown.User = nil
	text := m.Text(shown.String())
	if u.RawQuery != "" {
		text += "?" + m.form(u.RawQuery, func(string, string) {})
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return text
}

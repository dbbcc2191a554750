package ciba

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// masked are the fields whose values never reach the evidence.
var masked = map[string]bool{
	"client_secret": true, "client_assertion": true, "client_notification_token": true, "access_token": true,
	"id_token": true, "refresh_token": true, "auth_req_id": true, "login_hint_token": true, "id_token_hint": true,
	"urn:openid:params:jwt:claim:auth_req_id": true, "user_code": true, "request": true, "token": true, "code": true, "password": true, "registration_access_token": true,
}

// maskedHeaders are the headers whose values never reach the evidence.
var maskedHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true, "Dpop": true}

// shortest is the length below which a value is too common to be searched for
// in texts; it is still masked where its field is known.
const shortest = 4

// Masker hides secrets by the name of their field and, for values known
// beforehand, wherever they turn up: raw, URL-encoded, JSON-escaped or in base64.
// Equal values get the same mark within a run, so that a reader sees that two
// were equal. It is safe for concurrent use.
type Masker struct {
	key      [16]byte
	mu       sync.RWMutex
	secrets  []string
	replacer *strings.Replacer
}

// NewMasker makes a masker that knows some secret values.
func NewMasker(secrets ...string) *Masker {
	m := &Masker{}
	_, _ = rand.Read(m.key[:])
	m.Add(secrets...)
	return m
}

// Add makes further values known.
func (m *Masker) Add(secrets ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range secrets {
		if len(s) >= shortest && !slices.Contains(m.secrets, s) {
			m.secrets = append(m.secrets, s)
		}
	}
	sort.Slice(m.secrets, func(i, j int) bool { return len(m.secrets[i]) > len(m.secrets[j]) })
	var pairs []string
	for _, s := range m.secrets {
		for _, form := range spellings(s) {
			pairs = append(pairs, form, m.mark(s))
		}
	}
	m.replacer = strings.NewReplacer(pairs...)
}

// spellings are the ways a value may be written in a request or an answer.
func spellings(s string) []string {
	escaped, _ := json.Marshal(s)
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s), string(escaped[1 : len(escaped)-1])}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		forms = append(forms, encoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
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
	return m.replacer.Replace(s)
}

// form hides fields of a form or query, keeping order, duplicates and spelling. It
// calls hidden with each field that it hides.
func (m *Masker) form(encoded string, hidden func(name, value string)) string {
	parts := strings.Split(encoded, "&")
	for i, part := range parts {
		name, value, hasValue := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && hasValue && value != "" && masked[plain] {
			if raw, err := url.QueryUnescape(value); err == nil {
				value = raw
			}
			parts[i] = name + "=" + m.mark(value)
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
// Content-Type, which an OP may get wrong.
func (m *Masker) hide(contentType string, body []byte, hidden func(name, value string)) string {
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	media := strings.ToLower(contentType)
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "["):
		return m.Text(m.jsonText(text, hidden))
	case strings.Contains(media, "form-urlencoded"), !strings.ContainsAny(trimmed, "<{ \n") && strings.Contains(trimmed, "="):
		return m.form(text, hidden)
	}
	return m.Text(text)
}

// jsonText hides members by name at any depth, leaving every other byte as it
// came: what an OP got wrong in its JSON must stay visible. It
// calls hidden with each member that it hides.
func (m *Masker) jsonText(text string, hidden func(name, value string)) string {
	var b strings.Builder
	hide, name := false, ""
	for i := 0; i < len(text); {
		if text[i] != '"' {
			switch text[i] {
			case ',', '{', '[', ']', '}':
				hide = hide && text[i] == '['
			}
			b.WriteByte(text[i])
			i++
			continue
		}
		end := stringEnd(text, i)
		var value string
		if json.Unmarshal([]byte(text[i:end]), &value) != nil {
			value = strings.Trim(text[i:end], `"`)
		}
		isName := strings.HasPrefix(strings.TrimLeft(text[end:], " \t\r\n"), ":")
		switch {
		case isName:
			hide, name = masked[value], value
			b.WriteString(text[i:end])
		case hide && value != "":
			b.WriteString(`"` + m.mark(value) + `"`)
			hidden(name, value)
		default:
			b.WriteString(text[i:end])
		}
		i = end
	}
	return b.String()
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
				value = strings.TrimSpace(scheme + " " + m.mark(rest))
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

package ciba

import (
	"encoding/json"
	"regexp"
	"strings"
)

// members walks through a text that should be JSON and hides members by name.
type members struct {
	masker *Masker
	text   string
	hidden func(name, value string) // is called with each value that is hidden
	out    strings.Builder
	name   string // of the member whose value comes next
	hide   bool   // that value
	depth  int    // of the objects and arrays within a hidden value
}

// jsonText hides members by name at any depth, leaving every other byte as it
// came: what an OP got wrong in its JSON must stay visible. Of a hidden member that is
// an object or an array all values are hidden. It calls hidden with each value that it
// hides.
func (m *Masker) jsonText(text string, hidden func(name, value string)) string {
	w := members{masker: m, text: text, hidden: hidden}
	for i := 0; i < len(text); {
		switch {
		case text[i] == '"':
			i = w.string(i)
		case w.hide && isDigit(text[i]):
			i = w.number(i)
		default:
			w.structure(text[i])
			w.out.WriteByte(text[i])
			i++
		}
	}
	return w.out.String()
}

// everyday are the hidden fields whose names also stand for objects that hold no secret,
// such as what an error says about the request. Their members are looked at one by one.
var everyday = map[string]bool{"request": true, "code": true}

// structure follows where a hidden value begins and ends.
func (w *members) structure(c byte) {
	switch c {
	case '{', '[':
		switch {
		case c == '{' && w.depth == 0 && everyday[plainName(w.name)]:
			w.hide = false
		case w.hide:
			w.depth++
		}
	case '}', ']':
		w.depth = max(0, w.depth-1)
		w.hide = w.hide && w.depth > 0
	case ',':
		w.hide = w.hide && w.depth > 0
	}
}

// string copies or hides the string that begins at i and returns where it ends.
func (w *members) string(i int) (end int) {
	end = stringEnd(w.text, i)
	var value string
	if json.Unmarshal([]byte(w.text[i:end]), &value) != nil {
		value = strings.Trim(w.text[i:end], `"`)
	}
	isName := strings.HasPrefix(strings.TrimLeft(w.text[end:], " \t\r\n"), ":")
	switch {
	case isName && w.depth == 0:
		w.hide, w.name = isMasked(value), value
	case !isName && w.hide && value != "":
		w.out.WriteString(`"` + w.masker.hidden(value) + `"`)
		w.hidden(w.name, value)
		return end
	}
	w.out.WriteString(w.text[i:end])
	return end
}

// shortNumber is the length of a number that is a status or a count and no secret.
const shortNumber = 5

// number hides the number that begins at i, if it is long enough to be a secret, and
// returns where it ends.
func (w *members) number(i int) (end int) {
	for end = i; end < len(w.text) && strings.IndexByte("0123456789.eE+-", w.text[end]) >= 0; end++ {
	}
	number := w.text[i:end]
	if len(number) > shortNumber {
		number = w.masker.hidden(number)
	}
	w.out.WriteString(number)
	return end
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// bareJWT is a JWT wherever it stands. Its header is an object, so that its first
// characters are always these.
var bareJWT = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*`)

// bareNames are the last parts of the names of hidden fields.
var bareNames = []string{"token", "secret", "assertion", "req_id", "req-id", "reqid", "password", "user_code", "usercode"}

// bareGap is what stands between the name of a field and its value in a text that is
// neither JSON nor a form: HTML, XML, YAML, a sentence.
var bareGap = regexp.MustCompile(`^(?:&quot;|&#34;|\\?["'])?\s*(?:[=:>]|</?[A-Za-z]{1,20}>|\s)` +
	`[=:>\s]*(?:</?[A-Za-z]{1,20}>)?\s*(?:&quot;|&#34;|\\?["'])?`)

// longestGap bounds such a gap, in bytes.
const longestGap = 80

// bare hides what is a secret by its looks, or by the name that stands before it,
// in a text of no known form.
func (m *Masker) bare(text string) string {
	if strings.Contains(text, "eyJ") {
		text = bareJWT.ReplaceAllStringFunc(text, m.hidden)
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); i++ {
		begin, end := bareValue(text, i)
		if begin == end {
			continue
		}
		b.WriteString(text[done:begin])
		b.WriteString(m.hidden(text[begin:end]))
		done, i = end, end-1
	}
	b.WriteString(text[done:])
	return b.String()
}

// bareValue is where the value of a hidden field begins and ends whose name is at i;
// both are the same where there is none.
func bareValue(text string, i int) (begin, end int) {
	name := nameAt(text[i:])
	if name == 0 {
		return i, i
	}
	begin = i + name
	begin += len(bareGap.FindString(text[begin:min(len(text), begin+longestGap)]))
	for end = begin; end < len(text) && isTokenByte(text[end]); end++ {
	}
	if begin == i+name || !opaque(text[begin:end]) {
		return i, i
	}
	return begin, end
}

// nameAt is the length of the name that a text begins with, 0 for none.
func nameAt(text string) int {
	for _, name := range bareNames {
		if text[0]|0x20 == name[0] && len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
			return len(name)
		}
	}
	return 0
}

// isTokenByte reports whether tokens are made of such characters, also when they are
// escaped for a URL. RFC 6750 2.1.
func isTokenByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~+/%=", c) >= 0
}

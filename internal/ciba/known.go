package ciba

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// known finds secret values in texts, however they are written. Those of the target
// file stay known for good; those that requests and answers brought, of which a run has
// thousands, are the most recent ones. It is not safe for concurrent use.
type known struct {
	begins [1 << 16]bool         // whether some spelling begins with two bytes
	byHead map[string][]spelling // by the first bytes, longest first
	values map[string]bool
	passed []string // values that came by, oldest first
	bytes  int      // of these
}

// spelling is one way of writing a value, and what stands for it.
type spelling struct{ text, mark string }

const (
	// shortest is the length below which a value is too common to be searched for
	// in texts; it is still masked where its field is known.
	shortest = 4

	// shortestPassed is that length for values which an OP chooses: it must not be
	// able to have ordinary words hidden.
	shortestPassed = 16

	// maxPassed bounds the values that came by, in bytes.
	maxPassed = 8 << 20
)

// keep makes a value known for good, in every spelling.
func (k *known) keep(value, mark string) {
	if len(value) >= shortest && !k.values[value] {
		k.add(value, mark, spellings(value))
	}
}

// passBy makes a value known that a request or an answer has carried.
func (k *known) passBy(value, mark string) {
	if k.values[value] || !opaque(value) {
		return
	}
	k.add(value, mark, escapes(value))
	k.passed, k.bytes = append(k.passed, value), k.bytes+len(value)
	for k.bytes > maxPassed {
		k.forget(k.passed[0])
		k.bytes -= len(k.passed[0])
		k.passed = k.passed[1:]
	}
}

func (k *known) add(value, mark string, forms []string) {
	if k.values == nil {
		k.values, k.byHead = map[string]bool{}, map[string][]spelling{}
	}
	k.values[value] = true
	for _, form := range forms {
		k.begins[pair(form)] = true
		list := k.byHead[form[:shortest]]
		at, _ := slices.BinarySearchFunc(list, len(form), func(s spelling, length int) int { return length - len(s.text) })
		k.byHead[form[:shortest]] = slices.Insert(list, at, spelling{form, mark})
	}
}

func (k *known) forget(value string) {
	delete(k.values, value)
	for _, form := range escapes(value) {
		head := form[:shortest]
		k.byHead[head] = slices.DeleteFunc(k.byHead[head], func(s spelling) bool { return s.text == form })
	}
}

// hide replaces every known value by its mark, the longest where several begin.
func (k *known) hide(text string) string {
	var b strings.Builder
	done := 0
	for i := 0; i+shortest <= len(text); {
		if !k.begins[pair(text[i:])] {
			i++
			continue
		}
		found := slices.IndexFunc(k.byHead[text[i:i+shortest]], func(s spelling) bool { return strings.HasPrefix(text[i:], s.text) })
		if found < 0 {
			i++
			continue
		}
		s := k.byHead[text[i:i+shortest]][found]
		b.WriteString(text[done:i])
		b.WriteString(s.mark)
		i += len(s.text)
		done = i
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// pair is the first two bytes of a text as a number.
func pair(text string) int { return int(text[0])<<8 | int(text[1]) }

// opaque reports whether a value looks like a token and not like a word of some
// protocol.
func opaque(value string) bool {
	return len(value) >= shortestPassed && strings.ContainsFunc(value, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsUpper(r) })
}

// escapes are the ways a value is written as part of another text.
func escapes(s string) []string {
	quoted, _ := json.Marshal(s)
	return distinct([]string{s, url.QueryEscape(s), url.PathEscape(s), string(quoted[1 : len(quoted)-1]), html.EscapeString(s)})
}

// spellings are all ways a value may be written in a request or an answer. As
// part of a longer value in base64, such as the credentials of a Basic header, it has
// three, by the bytes that come before it.
func spellings(s string) []string {
	forms := escapes(s)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 {
			forms = append(forms, within(encoding, s, before))
		}
	}
	forms = append(forms, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
	if opaque(s) {
		forms = append(forms, strings.ToUpper(s), strings.ToLower(s))
	}
	return distinct(forms)
}

// within is what base64 makes of a value after some other bytes, without the
// characters at both ends that depend on its neighbours.
func within(encoding *base64.Encoding, s string, before int) string {
	text := encoding.WithPadding(base64.NoPadding).EncodeToString(append(make([]byte, before), s...))
	begin, end := (before*8+5)/6, (before+len(s))*8/6
	return text[begin:end]
}

// distinct drops what is there twice, and what is too short to be searched for.
func distinct(forms []string) []string {
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(s string) bool { return len(s) < shortest })
}

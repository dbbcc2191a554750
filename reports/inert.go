package reports

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// What is shown of one value is bounded, in bytes.
const (
	maxLine = 1 << 10  // a text in a line
	maxWire = 8 << 10  // a URL or the value of a header
	maxBody = 64 << 10 // a body
)

// inert is a copy of the run in which no text can act: control characters, bidi
// controls and other invisible ones become visible escapes, invalid UTF-8 is
// replaced, and overlong values are cut with a note. Bodies keep their lines.
func inert(run result.Run) result.Run {
	return inertCopy(reflect.ValueOf(run), "").Interface().(result.Run)
}

// inertCopy copies a value of the result model. It goes by reflection so that a
// new field of the model cannot be forgotten.
func inertCopy(v reflect.Value, field string) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.String:
		c.SetString(inertField(field, v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			if t := v.Type().Field(i); t.IsExported() {
				c.Field(i).Set(inertCopy(v.Field(i), t.Name))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return c
		}
		c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			c.Index(i).Set(inertCopy(v.Index(i), field))
		}
	case reflect.Map:
		if v.IsNil() {
			return c
		}
		c.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, value := range v.Seq2() {
			c.SetMapIndex(inertCopy(key, ""), inertCopy(value, ""))
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return c
		}
		if v.Kind() == reflect.Interface {
			c.Set(inertCopy(v.Elem(), field))
			return c
		}
		c.Set(reflect.New(v.Type().Elem()))
		c.Elem().Set(inertCopy(v.Elem(), field))
	}
	return c
}

func inertField(name, s string) string {
	switch name {
	case "Body", "Header", "Claims": // of tokens, too
		return escape(s, maxBody, "\n\t")
	case "URL", "Value":
		return escape(s, maxWire, "")
	}
	return inertLine(s)
}

// OneLine is foreign text as a line of a terminal or a log may show it: control
// characters and invisible ones become visible escapes, and what is too long is cut.
func OneLine(s string) string { return inertLine(s) }

// inertLine is text for one line.
func inertLine(s string) string { return escape(s, maxLine, "") }

// escape shows characters that would act instead of being seen.
func escape(s string, limit int, kept string) string {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // each invalid byte becomes U+FFFD, as it does in JSON
	}
	left := 0
	if len(s) > limit {
		cut := limit
		for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s, left = s[:cut], len(s)-cut
	}
	if strings.IndexFunc(s, func(r rune) bool { return acts(r, kept) }) >= 0 {
		var b strings.Builder
		for _, r := range s {
			if acts(r, kept) {
				b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			} else {
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if left > 0 {
		s += fmt.Sprintf(" … (%d more bytes)", left)
	}
	return s
}

func acts(r rune, kept string) bool {
	return !unicode.IsPrint(r) && !strings.ContainsRune(kept, r)
}

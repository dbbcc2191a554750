package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cibatest/cibatest/reports/result"
)

// Curl writes the requests of a case as a shell script of curl commands. What is hidden in
// the result is a shell variable: one that an earlier answer holds is taken from there with
// jq, and the others are asked for at the beginning. The script waits where the case waited,
// and leaves the decisions of the end-user to whoever runs it. All that an OP could have
// chosen is quoted.
func Curl(w io.Writer, c result.Case) error {
	s := newScript(c)
	s.line("#!/usr/bin/env bash")
	s.comment(fmt.Sprintf("%s: %s (%s)", c.ID, c.Title, c.Outcome))
	s.comment("The end-user's decisions are none of these requests: decide while the script waits.")
	s.line("set -u")
	s.ask()
	for i, x := range c.Exchanges {
		s.exchange(i, x)
	}
	_, err := w.Write(s.b.Bytes())
	return err
}

// script is a shell script in the making.
type script struct {
	b    bytes.Buffer
	of   result.Case
	vars []variable
}

// variable stands for a hidden value.
type variable struct {
	mark, name string
	what       string // what the value is, for whoever has to give it
	from       int    // the exchange whose answer holds it; -1 when none does
	member     string // where in that answer
}

// mark is what stands for a hidden value in a result, plain or escaped as in a form.
var mark = regexp.MustCompile(`\[masked:[0-9a-f]+\]|%5Bmasked%3A[0-9a-f]+%5D`)

// plainMark is a mark in its one spelling.
func plainMark(s string) string { return unescaped(s) }

func newScript(c result.Case) *script {
	s := &script{of: c}
	for i, x := range c.Exchanges {
		if x.Direction == result.Inbound { // which curl does not send
			continue
		}
		for _, h := range x.Request.Headers {
			s.meet(i, h.Name, h.Value)
		}
		if isForm(x.Request) {
			for _, p := range pairs(x.Request.Body) {
				s.meet(i, p.Name, p.Value)
			}
		}
		s.meet(i, "secret", x.Request.URL)
		s.meet(i, "secret", x.Request.Body)
	}
	return s
}

// meet makes variables of the marks in a part of a request, each once.
func (s *script) meet(exchange int, part, text string) {
	for _, found := range mark.FindAllString(text, -1) {
		found = plainMark(found)
		if slices.ContainsFunc(s.vars, func(v variable) bool { return v.mark == found }) {
			continue
		}
		v := variable{mark: found, what: fmt.Sprintf("%s of request %d", part, exchange+1), from: -1}
		if client := s.of.Exchanges[exchange].Client; client != "" {
			v.what += ", which client " + client + " sends"
		}
		if scheme, rest, ok := strings.Cut(text, " "); ok && rest == found {
			v.what += ", what comes after " + scheme
		}
		v.name = s.free(shellName(part))
		v.from, v.member = s.source(found, exchange)
		s.vars = append(s.vars, v)
	}
}

// source finds an answer before an exchange that holds a hidden value as a member.
func (s *script) source(mark string, before int) (exchange int, member string) {
	for i, x := range s.of.Exchanges[:before] {
		if x.Response == nil {
			continue
		}
		var object map[string]any
		if json.Unmarshal([]byte(x.Response.Body), &object) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if object[name] == mark {
				return i, name
			}
		}
	}
	return -1, ""
}

var notOfName = regexp.MustCompile(`[^A-Z0-9]+`)

// shellName makes the name of a variable of that of a parameter or header.
func shellName(part string) string {
	name := strings.Trim(notOfName.ReplaceAllString(strings.ToUpper(part), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "SECRET_" + name
	}
	return "CIBA_" + name[:min(len(name), 40)]
}

// free is a name that no other variable has.
func (s *script) free(name string) string {
	for n := 2; ; n++ {
		if !slices.ContainsFunc(s.vars, func(v variable) bool { return v.name == name }) {
			return name
		}
		name = strings.TrimRight(strings.TrimRight(name, "0123456789"), "_") + "_" + strconv.Itoa(n)
	}
}

func (s *script) line(text string) { s.b.WriteString(text + "\n") }

func (s *script) comment(text string) { s.line("# " + OneLine(text)) }

// ask demands the values that no answer gives.
func (s *script) ask() {
	for _, v := range s.vars {
		if v.from < 0 {
			s.line(fmt.Sprintf(": \"${%s:?%s}\"", v.name, notOfWords.ReplaceAllString(v.what, "")))
		}
	}
}

// wait lets pass what had passed between two requests, from a second on.
func (s *script) wait(ms int64) {
	if ms >= 1000 {
		s.line(fmt.Sprintf("sleep %d", (ms+999)/1000))
	}
}

// notOfWords are characters that mean something to a shell within double quotes.
var notOfWords = regexp.MustCompile(`[^A-Za-z0-9 ,._-]`)

// curlOptions keep curl from reading anything into an address that a file of somebody else
// may have chosen, and from leaving HTTP.
const curlOptions = "--silent --show-error --globoff --path-as-is --proto '=http,https'"

func (s *script) exchange(i int, x result.Exchange) {
	s.line("")
	if i > 0 {
		s.wait(x.StartedMS - s.of.Exchanges[i-1].StartedMS)
	}
	if x.Direction == result.Inbound {
		s.comment(fmt.Sprintf("%d. %s, %s: the OP calls the client here", i+1, x.Label, exchangeLine(x)))
		return
	}
	s.comment(joined(", ", fmt.Sprintf("%d. %s → %s", i+1, labelOf(x), answerLine(x)), x.Note))
	if x.Request.Truncated {
		s.comment(fmt.Sprintf("the body was cut at capture: %d bytes were sent", x.Request.BodyBytes))
	}
	needed := slices.ContainsFunc(s.vars, func(v variable) bool { return v.from == i })
	command := "curl " + curlOptions
	if !needed {
		command += " --include"
	}
	command += " --request " + s.quote(x.Request.Method) + " --url " + s.quote(x.Request.URL)
	for _, h := range x.Request.Headers {
		if plainName.MatchString(h.Name) { // curl takes "@name" for a file to read
			command += " \\\n  --header " + s.quote(h.Name+": "+h.Value)
		}
	}
	command += s.data(x.Request)
	if !needed {
		s.line(command)
		return
	}
	s.line("answer=$(" + command + ")")
	s.line(`printf '%s\n' "$answer"`)
	for _, v := range s.vars {
		if v.from == i {
			s.line(fmt.Sprintf("%s=$(printf '%%s' \"$answer\" | jq -r --arg m %s '.[$m]')", v.name, s.quote(v.member)))
		}
	}
}

// labelOf is what an exchange is called, with the client where it is known.
func labelOf(x result.Exchange) string {
	if x.Client == "" || x.Direction == result.Inbound {
		return x.Label
	}
	return x.Label + " of client " + x.Client
}

// data are the arguments that send a body. Of a form the hidden values are encoded by
// curl, and all else is sent to the letter.
func (s *script) data(m result.Message) string {
	if m.Body == "" {
		return ""
	}
	if !isForm(m) {
		return " \\\n  --data-raw " + s.quote(m.Body)
	}
	var args, raw []string
	flush := func() {
		if len(raw) > 0 {
			args = append(args, "--data-raw "+s.quote(strings.Join(raw, "&")))
		}
		raw = nil
	}
	for part := range strings.SplitSeq(m.Body, "&") {
		name, value, _ := strings.Cut(part, "=")
		if mark.FindString(value) != value || value == "" || !plainName.MatchString(name) {
			raw = append(raw, part)
			continue
		}
		flush()
		args = append(args, "--data-urlencode "+s.quote(part))
	}
	flush()
	return " \\\n  " + strings.Join(args, " \\\n  ")
}

// plainName is the name of a parameter or header that means nothing else to curl.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// quote is a word of the shell; the marks in it become variables.
func (s *script) quote(text string) string {
	var b strings.Builder
	rest := text
	for {
		at := mark.FindStringIndex(rest)
		if at == nil {
			break
		}
		if at[0] > 0 {
			b.WriteString(quoted(rest[:at[0]]))
		}
		b.WriteString(s.value(rest[at[0]:at[1]]))
		rest = rest[at[1]:]
	}
	if rest != "" || text == "" {
		b.WriteString(quoted(rest))
	}
	return b.String()
}

// value is the variable of a mark, in quotes.
func (s *script) value(found string) string {
	for _, v := range s.vars {
		if v.mark == plainMark(found) {
			return `"$` + v.name + `"`
		}
	}
	return quoted(found)
}

// quoted is a text in the quotes of a shell. What acts on a terminal is written as an
// escape, in the quotes of bash that know such.
func quoted(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for _, r := range []byte(text) {
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(rune(r)))
		case r < ' ' || r >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteByte(r)
		}
	}
	return "$'" + b.String() + "'"
}

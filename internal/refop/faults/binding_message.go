package faults

import (
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// BindingMessage are the defects of binding_message; CIBA Core 7.1.
var BindingMessage = []Fault{
	{
		"binding-never", "CIBA-7.1-BM-SHORT-OK", "every binding_message is refused",
		startsThat(edit.Sent("binding_message"), refused("invalid_binding_message")),
	},
	{
		"binding-digits-only", "CIBA-7.1-BM-SHORT-OK", "messages have to be numbers",
		startsThat(func(c *refop.Call) bool { return c.Value("binding_message") == "W4SCT" }, refused("invalid_binding_message")),
	},
	{
		"binding-short-refused", "CIBA-7.1-BM-SHORT-OK", "short messages are refused",
		startsThat(func(c *refop.Call) bool {
			return c.Value("binding_message") != "" && len(c.Value("binding_message")) < 6
		}, refused("invalid_binding_message")),
	},
	{
		"binding-not-shown", "CIBA-7.1-BM-SHOWN", "the device does not show the message",
		edit.Prompts(func(_ *refop.Flow, p map[string]any) { delete(p, "binding_message") }),
	},
	{
		"binding-constant", "CIBA-7.1-BM-SHOWN", "the device shows a text of the OP's own",
		shows(func(string) string { return "Please log in" }),
	},
	{
		"binding-four", "CIBA-7.1-BM-SHOWN", "the device shows four characters only",
		shows(func(m string) string { return m[:min(4, len(m))] }),
	},
	{"binding-lower-case", "CIBA-7.1-BM-SHOWN", "the message is shown in lower case", shows(strings.ToLower)},
	{
		"binding-cut", "CIBA-13-BM-UNSUITABLE", "long messages are cut",
		edit.All(edit.Without(refop.CheckBindingMessage), shows(func(m string) string { return m[:min(len(m), 20)] })),
	},
	{
		"binding-stripped", "CIBA-13-BM-UNSUITABLE", "characters beyond ASCII are dropped",
		edit.All(edit.Without(refop.CheckBindingMessage), shows(func(m string) string { return ascii(m, "") })),
	},
	{"binding-decoded-twice", "CIBA-13-BM-UNSUITABLE", "the message is decoded from the form twice", shows(decodedAgain)},
	{
		"binding-fifteen", "CIBA-13-BM-UNSUITABLE", "the device shows 15 characters",
		shows(func(m string) string { return m[:min(len(m), 15)] }),
	},
	{
		"binding-mixed-up", "CIBA-7.1-BM-SHOWN", "of requests at the same time one is shown with the message of the other",
		func(p *refop.Plan) {
			var latest atomic.Pointer[refop.Flow]
			p.EditFlows(func(c *refop.Call, f *refop.Flow) {
				latest.Store(f)
				c.OP.Wait(2 * time.Millisecond)
				f.Binding = latest.Load().Binding
			})
		},
	},
	{
		"binding-forty", "CIBA-13-BM-UNSUITABLE", "of a long message the device shows 40 characters",
		shownAs(`^[A-Za-z0-9 +%-]{1,400}$`, func(m string) string { return m[:min(len(m), 40)] }),
	},
	{
		"binding-seven", "CIBA-7.1-BM-SHOWN", "the device shows seven characters of the eight it is for",
		shownAs(`^[A-Za-z0-9]{1,8}$`, func(m string) string { return m[:min(len(m), 7)] }),
	},
	{
		"binding-number", "CIBA-7.1-BM-SHOWN", "a message of digits is shown as a number",
		shownAs(`^[A-Za-z0-9]{1,20}$`, func(m string) string {
			if n, err := strconv.Atoi(m); err == nil {
				return strconv.Itoa(n)
			}
			return m
		}),
	},
	{"binding-three-bytes", "CIBA-7.1-BM-UTF8", "characters of four bytes get lost", shownAs(`^.{1,20}$`, func(m string) string {
		return strings.Map(func(c rune) rune {
			if c > 0xFFFF {
				return -1
			}
			return c
		}, m)
	})},
	{
		"binding-code", "CIBA-13-BM-UNSUITABLE", "an unsuitable message is access_denied",
		edit.Answering(refop.CheckBindingMessage, 403, "access_denied"),
	},
	{
		"binding-500", "CIBA-13-BM-UNSUITABLE", "an unsuitable message crashes the OP",
		edit.Answering(refop.CheckBindingMessage, 500, "server_error"),
	},
	{
		"binding-required", "CIBA-7.1-BM-OPTIONAL", "binding_message is required",
		startsThat(func(c *refop.Call) bool { return !c.Has("binding_message") }, refused("invalid_request")),
	},
	{
		"binding-required-500", "CIBA-7.1-BM-OPTIONAL", "a missing binding_message crashes the OP",
		startsThat(func(c *refop.Call) bool { return !c.Has("binding_message") }, crash),
	},
	{
		"binding-question-marks", "CIBA-7.1-BM-UTF8", "characters beyond ASCII become question marks",
		shows(func(m string) string { return ascii(m, "?") }),
	},
	{
		"binding-utf8-500", "CIBA-7.1-BM-UTF8", "characters beyond ASCII crash the OP",
		startsThat(func(c *refop.Call) bool { return c.Value("binding_message") != ascii(c.Value("binding_message"), "") }, crash),
	},
	{"binding-latin1", "CIBA-7.1-BM-UTF8", "the message is read as Latin-1", shows(latin1)},
	{
		"binding-escape", "CIBA-7.1-BM-INJECTION", "of control characters only line breaks and reversals are taken out",
		shownAs(`^(?s:.{1,64})$`, func(m string) string {
			return strings.NewReplacer("\r", "", "\n", "", "\x00", "", "\u202e", "").Replace(m)
		}),
	},
	{"binding-raw", "CIBA-7.1-BM-INJECTION", "control characters reach the device", edit.Without(refop.CheckBindingMessage)},
}

// shows makes the device show another text than was sent.
func shows(text func(string) string) edit.Change {
	return edit.Prompts(func(f *refop.Flow, prompt map[string]any) { prompt["binding_message"] = text(f.Binding) })
}

// shownAs takes messages of a kind and shows another text.
func shownAs(takes string, text func(string) string) edit.Change {
	return func(p *refop.Plan) {
		p.Rules.SuitableMessage = regexp.MustCompile(takes).MatchString
		shows(text)(p)
	}
}

// ascii replaces what is not ASCII.
func ascii(text, by string) string {
	var b strings.Builder
	for _, c := range text {
		if c < 0x80 {
			b.WriteRune(c)
		} else {
			b.WriteString(by)
		}
	}
	return b.String()
}

// latin1 is a text of which each byte was taken for a character.
func latin1(text string) string {
	var garbled []rune
	for _, c := range []byte(text) {
		garbled = append(garbled, rune(c))
	}
	return string(garbled)
}

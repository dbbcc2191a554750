package refop

import (
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

var _ = plant(
	whenSent("binding-never", "CIBA-7.1-BM-SHORT-OK", "every binding_message is refused", "start", "binding_message", refused("invalid_binding_message")),
	onStart("binding-digits-only", "CIBA-7.1-BM-SHORT-OK", "messages have to be numbers",
		func(c *call) bool { return c.value("binding_message") == "W4SCT" }, refused("invalid_binding_message")),
	onStart("binding-short-refused", "CIBA-7.1-BM-SHORT-OK", "short messages are refused",
		func(c *call) bool { return c.value("binding_message") != "" && len(c.value("binding_message")) < 6 }, refused("invalid_binding_message")),
	Fault{"binding-not-shown", "CIBA-7.1-BM-SHOWN", "the device does not show the message", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(_ *flow, p map[string]any) { delete(p, "binding_message") })
	}},
	Fault{"binding-constant", "CIBA-7.1-BM-SHOWN", "the device shows a text of the OP's own", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(_ *flow, p map[string]any) { p["binding_message"] = "Please log in" })
	}},
	Fault{"binding-four", "CIBA-7.1-BM-SHOWN", "the device shows four characters only", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = f.binding[:min(4, len(f.binding))] })
	}},
	Fault{"binding-lower-case", "CIBA-7.1-BM-SHOWN", "the message is shown in lower case", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = strings.ToLower(f.binding) })
	}},
	Fault{"binding-cut", "CIBA-13-BM-UNSUITABLE", "long messages are cut", func(b *behaviour) {
		b.skip("binding-message")
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = f.binding[:min(len(f.binding), 20)] })
	}},
	Fault{"binding-stripped", "CIBA-13-BM-UNSUITABLE", "characters beyond ASCII are dropped", func(b *behaviour) {
		b.skip("binding-message")
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = ascii(f.binding, "") })
	}},
	Fault{"binding-decoded-twice", "CIBA-13-BM-UNSUITABLE", "the message is decoded from the form twice", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = decodedAgain(f.binding) })
	}},
	Fault{"binding-fifteen", "CIBA-13-BM-UNSUITABLE", "the device shows 15 characters", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = f.binding[:min(len(f.binding), 15)] })
	}},
	Fault{"binding-mixed-up", "CIBA-7.1-BM-SHOWN", "of requests at the same time one is shown with the message of the other", func(b *behaviour) {
		var latest atomic.Pointer[flow]
		b.onFlow = append(b.onFlow, func(c *call, f *flow) {
			latest.Store(f)
			c.op.wait(2 * time.Millisecond)
			f.binding = latest.Load().binding
		})
	}},
	shownAs("binding-forty", "CIBA-13-BM-UNSUITABLE", "of a long message the device shows 40 characters", `^[A-Za-z0-9 +%-]{1,400}$`, func(m string) string { return m[:min(len(m), 40)] }),
	shownAs("binding-seven", "CIBA-7.1-BM-SHOWN", "the device shows seven characters of the eight it is for", `^[A-Za-z0-9]{1,8}$`, func(m string) string { return m[:min(len(m), 7)] }),
	shownAs("binding-number", "CIBA-7.1-BM-SHOWN", "a message of digits is shown as a number", `^[A-Za-z0-9]{1,20}$`, func(m string) string {
		if n, err := strconv.Atoi(m); err == nil {
			return strconv.Itoa(n)
		}
		return m
	}),
	shownAs("binding-three-bytes", "CIBA-7.1-BM-UTF8", "characters of four bytes get lost", `^.{1,20}$`, func(m string) string {
		return strings.Map(func(c rune) rune {
			if c > 0xFFFF {
				return -1
			}
			return c
		}, m)
	}),
	wrongly("binding-code", "CIBA-13-BM-UNSUITABLE", "an unsuitable message is access_denied", "binding-message", 403, "access_denied"),
	wrongly("binding-500", "CIBA-13-BM-UNSUITABLE", "an unsuitable message crashes the OP", "binding-message", 500, "server_error"),
	onStart("binding-required", "CIBA-7.1-BM-OPTIONAL", "binding_message is required",
		func(c *call) bool { return c.form["binding_message"] == nil }, refused("invalid_request")),
	onStart("binding-required-500", "CIBA-7.1-BM-OPTIONAL", "a missing binding_message crashes the OP",
		func(c *call) bool { return c.form["binding_message"] == nil }, crash),
	Fault{"binding-question-marks", "CIBA-7.1-BM-UTF8", "characters beyond ASCII become question marks", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = ascii(f.binding, "?") })
	}},
	onStart("binding-utf8-500", "CIBA-7.1-BM-UTF8", "characters beyond ASCII crash the OP",
		func(c *call) bool { return c.value("binding_message") != ascii(c.value("binding_message"), "") }, crash),
	Fault{"binding-latin1", "CIBA-7.1-BM-UTF8", "the message is read as Latin-1", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) {
			var garbled []rune
			for _, c := range []byte(f.binding) {
				garbled = append(garbled, rune(c))
			}
			p["binding_message"] = string(garbled)
		})
	}},
	shownAs("binding-escape", "CIBA-7.1-BM-INJECTION", "of control characters only line breaks and reversals are taken out", `^(?s:.{1,64})$`, func(m string) string {
		return strings.NewReplacer("\r", "", "\n", "", "\x00", "", "\u202e", "").Replace(m)
	}),
	lax("binding-raw", "CIBA-7.1-BM-INJECTION", "control characters reach the device", "binding-message"),
)

// shownAs makes a fault of an OP that takes messages of a kind and shows another text.
func shownAs(name, breaks, sees, takes string, shows func(string) string) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.suitable = regexp.MustCompile(takes)
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = shows(f.binding) })
	}}
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

var _ = plant(
	wrongly("user-code-missing-500", "CIBA-7.1.2-UC-MISSING", "a missing code crashes the OP", "user-code-missing", 500, "server_error"),
	wrongly("user-code-missing-401", "CIBA-7.1.2-UC-MISSING", "a missing code is a 401", "user-code-missing", 401, "missing_user_code"),
	wrongly("user-code-missing-wrong", "CIBA-7.1.2-UC-MISSING", "a missing code is invalid_user_code", "user-code-missing", 400, "invalid_user_code"),
	wrongly("user-code-wrong-missing", "CIBA-7.1.2-UC-WRONG", "a wrong code is missing_user_code", "user-code-wrong", 400, "missing_user_code"),
	wrongly("user-code-wrong-500", "CIBA-7.1.2-UC-WRONG", "a wrong code crashes the OP", "user-code-wrong", 500, "server_error"),
	lax("user-code-beginning", "CIBA-7.1.2-UC-WRONG", "the last digit of a code does not matter", "user-code-tail"),
	Fault{"user-code-missing-prompt", "CIBA-7.1.2-UC-NO-PROMPT", "a missing code is refused after the user was asked", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.body["error"] == "missing_user_code" {
				c.op.prompt(c.newFlow())
			}
		})
	}},
	lax("user-code-not-needed", "CIBA-7.1.2-UC-MISSING", "a missing code is no obstacle", "user-code-missing"),
	wrongly("user-code-missing-invalid", "CIBA-7.1.2-UC-MISSING", "a missing code is invalid_request", "user-code-missing", 400, "invalid_request"),
	lax("user-code-empty", "CIBA-7.1.2-UC-MISSING", "an empty code will do", "empty-is-absent-user_code", "user-code-empty"),
	lax("user-code-not-with-token", "CIBA-7.1.2-UC-MISSING", "with a login_hint_token no code is needed", "user-code-token"),
	lax("user-code-and-more", "CIBA-7.1.2-UC-WRONG", "what follows the right code does not matter", "user-code-more"),
	lax("user-code-any", "CIBA-7.1.2-UC-WRONG", "any code will do", "user-code-wrong"),
	lax("user-code-anybodys", "CIBA-7.1.2-UC-WRONG", "any user's code will do", "user-code-owner"),
	wrongly("user-code-wrong-denied", "CIBA-7.1.2-UC-WRONG", "a wrong code is access_denied", "user-code-wrong", 403, "access_denied"),
	whenSent("user-code-never", "CIBA-7.1.2-UC-OK", "the right code is refused", "start", "user_code", refused("invalid_user_code")),
	Fault{"user-code-prompt", "CIBA-7.1.2-UC-NO-PROMPT", "a wrong code reaches the user", func(b *behaviour) { b.promptEarly = true }},
	onStart("user-code-opt-out-500", "CIBA-7.1.2-UC-CLIENT-OPT-OUT", "clients without code crash the OP",
		func(c *call) bool { return c.client != nil && !c.client.UserCode && c.form["user_code"] == nil }, crash),
	Fault{"user-code-unsupported-500", "CIBA-7.1.2-UC-UNSUPPORTED", "an OP without codes is crashed by one", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.body["backchannel_user_code_parameter_supported"] = false })
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["user_code"] != nil {
				crash(c, r)
			}
		})
	}},
)

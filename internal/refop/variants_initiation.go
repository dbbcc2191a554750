package refop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// otherwise makes a variant that refuses a check's way with another error.
func otherwise(name, why, check string, status int, code string) Variant {
	return Variant{name, why, func(b *behaviour) { b.refuse(check, status, code) }}
}

// refusing makes a variant that refuses requests with a parameter.
func refusing(name, why, parameter, code string) Variant {
	return Variant{name, why, func(b *behaviour) {
		b.refuseStart(code, func(c *call) bool { return c.form[parameter] != nil })
	}}
}

// suits makes a variant with rules of its own for binding_message.
func suits(name, why, pattern string) Variant {
	return Variant{name, why, func(b *behaviour) { b.suitable = regexp.MustCompile(pattern) }}
}

// page is what an HTTP server says before the protocol has a word.
func page(status int) func(*reply) {
	return func(r *reply) {
		r.kind, r.status, r.raw = "error", status, []byte("<html><body>"+http.StatusText(status)+"</body></html>")
		r.header.Set("Content-Type", "text/html")
	}
}

// atServer answers start requests of a kind as the HTTP server does.
func atServer(name, why string, status int, kind func(*call) bool) Variant {
	return Variant{name, why, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && kind(c) {
				page(status)(r)
			}
		})
	}}
}

func otherMethod(c *call) bool { return c.r.Method != http.MethodPost }

func jsonBody(c *call) bool { return strings.Contains(c.r.Header.Get("Content-Type"), "json") }

func longBody(c *call) bool { return c.r.ContentLength > 8<<10 }

var _ = allow(
	atServer("start-405-page", "CIBA-7-POST-ONLY: no status and no form is prescribed for other methods", 405, otherMethod),
	atServer("start-404-page", "CIBA-7-POST-ONLY: a server may know no such route", 404, otherMethod),
	atServer("start-415-page", "RFC 9110 15.5.16: an unsupported media type", 415, jsonBody),
	atServer("start-413-page", "RFC 9110 15.5.14: a server may limit bodies", 413, longBody),
	atServer("start-431-page", "RFC 6585 5: a server may limit fields", 431, longBody),
	Variant{"start-json-too", "CIBA Core 7.1 does not forbid further encodings", func(b *behaviour) { b.skip("media-type") }},
	otherwise("start-scope-missing-invalid-scope", "RFC 6749 3.3: without scope the request fails as invalid_scope", "scope-missing", 400, "invalid_scope"),
	otherwise("start-openid-missing-invalid-request", "CIBA Core 7.1 leaves open what happens without openid", "scope-openid", 400, "invalid_request"),
	Variant{"start-oauth-only", "CIBA Core 7.1 leaves open what happens without openid", func(b *behaviour) {
		b.skip("scope-openid")
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "tokens" && c.flow != nil && !slices.Contains(strings.Fields(c.flow.scope), "openid") {
				delete(r.body, "id_token")
			}
		})
	}},
	refusing("start-notification-token-refused", "CIBA-7.1-CNT-IN-POLL: the texts do not say", "client_notification_token", "invalid_request"),
	otherwise("start-client-invalid-request", "N-09: products call a client without CIBA an invalid request", "client-ciba", 400, "invalid_request"),
	otherwise("start-client-403", "CIBA Core 13: a blanket refusal is 403 access_denied", "client-ciba", 403, "access_denied"),
	otherwise("start-client-invalid-client", "CIBA-13-UNAUTHORIZED-CLIENT: fail only when an auth_req_id is issued", "client-ciba", 401, "invalid_client"),
	otherwise("start-client-own-code", "CIBA-13-UNAUTHORIZED-CLIENT: fail only when an auth_req_id is issued", "client-ciba", 400, "unsupported_grant_type"),
	otherwise("start-policy-as-400", "N-08: products answer 400", "policy", 400, "access_denied"),
	Variant{"error-terse", "RFC 6749 5.2: error_description is optional", func(b *behaviour) {
		b.reply("", "error", func(r *reply) { delete(r.body, "error_description") })
	}},
	Variant{"error-verbose", "RFC 6749 5.2: error_uri is optional, further members are ignored", func(b *behaviour) {
		b.reply("", "error", func(r *reply) {
			r.body["error_uri"] = "https://op.example/docs/errors#" + fmt.Sprint(r.body["error"])
			r.body["trace_id"] = randomID(16)
		})
	}},
	otherwise("hint-none-unknown-user", "CIBA-7.1-HINT-NONE: unknown_user_id is a readable second choice", "hint-none", 400, "unknown_user_id"),
	otherwise("hint-unknown-invalid-request", "N-07: an OP need not tell which users exist", "hint-unknown", 400, "invalid_request"),
	otherwise("hint-unknown-denied", "N-07: an OP need not tell which users exist", "hint-unknown", 403, "access_denied"),
	Variant{"hint-unknown-accepted", "N-07: a request for nobody may be accepted and never completed", func(b *behaviour) {
		b.nobody = &User{Sub: "nobody"}
		b.onPrompt = append(b.onPrompt, func(f *flow, body map[string]any) {
			if f.user.Sub == "nobody" {
				clear(body) // an empty prompt is not sent
			}
		})
	}},
	Variant{"hint-id-token-not-taken", "CIBA-7.1-ITH-OK: an OP need not support all kinds of hints", func(b *behaviour) {
		b.refuseStart("invalid_request", func(c *call) bool { return c.form["id_token_hint"] != nil })
		b.declare("id_token_hint", false)
	}},
	Variant{"hint-empty-is-unknown", "CIBA-7.1-LOGIN-HINT-EMPTY: an empty hint is missing or names nobody", func(b *behaviour) {
		b.skip("empty-is-absent-login_hint", "hint-empty")
	}},
	suits("binding-50-without-space", "CIBA Core 7.1: the alphabet is the OP's", `^[a-zA-Z0-9-._+/!?#]{1,50}$`),
	suits("binding-20-without-space", "CIBA Core 7.1: the alphabet is the OP's", `^[a-zA-Z0-9-._+/!?#]{1,20}$`),
	suits("binding-4-to-8", "CIBA Core 7.1: the message should be short and plain", `^[a-zA-Z0-9]{4,8}$`),
	suits("binding-without-markup", "CIBA Core 7.1: the alphabet is the OP's", `^[^<>\pC]+$`),
	suits("binding-letters-of-any-script", "CIBA Core 7.1: the alphabet is the OP's", `^[\pL\pN-]{1,100}$`),
	Variant{"binding-any-text", "CIBA Core 7.1: an OP may be able to show every text", func(b *behaviour) { b.skip("binding-message") }},
	otherwise("binding-unsuitable-invalid-request", "CIBA-13-BM-UNSUITABLE: tolerated", "binding-message", 400, "invalid_request"),
	Variant{"binding-needed", "FAPI-CIBA and products require a message", func(b *behaviour) {
		b.refuseStart("invalid_binding_message", func(c *call) bool { return c.form["binding_message"] == nil })
	}},
	Variant{"user-code-not-offered", "CIBA Core 4: user_code is optional, and an OP without it may refuse one", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.body["backchannel_user_code_parameter_supported"] = false })
		b.refuseStart("invalid_request", func(c *call) bool { return c.form["user_code"] != nil })
	}},
	Variant{"user-code-ignored", "CIBA Core 7.2: unknown parameters are ignored", func(b *behaviour) {
		b.skip("user-code-missing", "user-code-wrong")
		b.reply("discovery", "discovery", func(r *reply) { delete(r.body, "backchannel_user_code_parameter_supported") })
	}},
	Variant{"ack-more-members", "CIBA Core 7.3: further members may be there", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) {
			r.body["auth_url"] = "https://op.example/approve"
			r.body["binding_message"] = "AB12CD34"
		})
	}},
	Variant{"ack-numbers-with-point", "RFC 8259 6: 120 and 120.0 are one number", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) {
			for _, name := range []string{"expires_in", "interval"} {
				r.body[name] = json.RawMessage(fmt.Sprint(r.body[name]) + ".0")
			}
		})
	}},
	Variant{"ack-indented", "RFC 8259 2: white space means nothing", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.raw, _ = json.MarshalIndent(r.body, "\n", "\t") })
	}},
	Variant{"ack-cache-control", "RFC 9111 5.2: directives are case-insensitive and may be many", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.header.Set("Cache-Control", "private, No-Store, max-age=0") })
	}},
	Variant{"ack-id-of-a-uuid", "N-22: the specification's own example is a UUID", func(b *behaviour) {
		b.authReqID = func(*OP) string {
			h := []byte(hexID(16))
			h[12], h[16] = '4', "89ab"[h[16]%4]
			return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
		}
	}},
	Variant{"ack-id-128-bit", "CIBA Core 7.3: 128 bits are the minimum", func(b *behaviour) { b.authReqID = func(*OP) string { return hexID(16) } }},
	Variant{"ack-id-encrypted", "N-22: an encrypted JWT of several hundred characters, as Keycloak's", func(b *behaviour) {
		header := encodeJSON(map[string]any{"alg": "dir", "enc": "A128CBC-HS256"})
		b.authReqID = func(*OP) string { return header + ".." + randomID(16) + "." + randomID(400) + "." + randomID(16) }
	}},
	Variant{"ack-id-with-prefix", "CIBA Core 7.3: dots, dashes and underscores are allowed", func(b *behaviour) {
		b.authReqID = func(*OP) string { return "ciba_request.v1-" + randomID(32) }
	}},
)

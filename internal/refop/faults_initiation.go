package refop

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// swap makes a fault that replaces one kind of answer of an endpoint.
func swap(name, breaks, sees, endpoint, kind string, edit func(*reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.reply(endpoint, kind, edit) }}
}

// whenSent makes a fault of requests that carry a parameter.
func whenSent(name, breaks, sees, endpoint, parameter string, edit func(*call, *reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == endpoint && c.form[parameter] != nil {
				edit(c, r)
			}
		})
	}}
}

func crash(_ *call, r *reply) {
	r.kind, r.status, r.raw = "error", http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
}

func refused(code string) func(*call, *reply) {
	return func(_ *call, r *reply) {
		r.kind, r.status, r.body = "error", http.StatusBadRequest, map[string]any{"error": code}
	}
}

var _ = plant(
	Fault{"start-get-500", "CIBA-7-POST-ONLY", "GET crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.r.Method == http.MethodGet {
				crash(c, r)
			}
		})
	}},
	lax("start-by-any-method", "CIBA-7-POST-ONLY", "PUT starts a transaction", "method-start"),
	lax("start-json", "CIBA-7.1-FORM-ENCODING", "a JSON body is read", "media-type"),
	Fault{"start-charset-refused", "CIBA-7.1-FORM-CHARSET-PARAM", "a charset parameter is refused", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && strings.Contains(c.r.Header.Get("Content-Type"), "charset") {
				refused("invalid_request")(c, r)
			}
		})
	}},
	Fault{"start-json-500", "CIBA-7.1-FORM-ENCODING", "a JSON body crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && strings.Contains(c.r.Header.Get("Content-Type"), "json") {
				crash(c, r)
			}
		})
	}},
	Fault{"start-query-500", "CIBA-7.1-QUERY-IGNORED", "a query crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.r.URL.Query().Has("scope") && c.r.Method == http.MethodPost {
				crash(c, r)
			}
		})
	}},
	lax("start-query", "CIBA-7.1-QUERY-IGNORED", "parameters are read from the URL", "query-start"),
	lax("start-no-scope", "CIBA-7.1-SCOPE-MISSING", "scope is optional", "scope-missing", "scope-openid"),
	Fault{"start-empty-scope", "CIBA-7.1-SCOPE-MISSING", "an empty scope is openid", func(b *behaviour) {
		b.skip("empty-is-absent-scope")
		b.onForm = append(b.onForm, func(c *call) {
			if v := c.form["scope"]; len(v) == 1 && v[0] == "" {
				c.form["scope"] = []string{"openid"}
			}
		})
	}},
	wrongly("start-no-scope-denied", "CIBA-7.1-SCOPE-MISSING", "a missing scope is access_denied", "scope-missing", 403, "access_denied"),
	wrongly("start-no-scope-500", "CIBA-7.1-SCOPE-MISSING", "a missing scope crashes the OP", "scope-missing", 500, "server_error"),
	wrongly("start-no-openid-500", "CIBA-7.1-SCOPE-NO-OPENID", "a scope without openid crashes the OP", "scope-openid", 500, "server_error"),
	lax("start-no-openid-id-token", "CIBA-7.1-SCOPE-NO-OPENID", "an ID Token comes without openid", "scope-openid"),
	wrongly("start-unknown-scope-request", "CIBA-13-SCOPE-UNKNOWN", "an unknown scope is invalid_request", "scope-known", 400, "invalid_request"),
	wrongly("start-unknown-scope-denied", "CIBA-13-SCOPE-UNKNOWN", "an unknown scope is access_denied", "scope-known", 403, "access_denied"),
	Fault{"start-scope-order", "RFC6749-3.3-SCOPE-ORDER", "openid has to come first", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if scope := c.value("scope"); c.endpoint == "start" && scope != "" && !strings.HasPrefix(scope, "openid") {
				refused("invalid_scope")(c, r)
			}
		})
	}},
	lax("start-duplicates", "CIBA-13-DUPLICATE-PARAM", "the first of two parameters counts", "duplicates"),
	lax("start-duplicates-equal", "CIBA-13-DUPLICATE-PARAM", "a parameter may come twice with one value", "duplicates-equal"),
	lax("start-duplicate-hint", "CIBA-13-DUPLICATE-PARAM", "the first of two hints counts", "duplicates-login_hint"),
	lax("start-duplicate-scope", "CIBA-13-DUPLICATE-PARAM", "the first of two scopes counts", "duplicates-scope"),
	lax("start-duplicate-message", "CIBA-13-DUPLICATE-PARAM", "the first of two binding messages counts", "duplicates-binding_message"),
	wrongly("start-duplicate-code", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter is invalid_scope", "duplicates", 400, "invalid_scope"),
	wrongly("start-duplicate-500", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter crashes the OP", "duplicates", 500, "server_error"),
	whenSent("start-unknown-parameter-500", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter crashes the OP", "start", "x_unknown", crash),
	whenSent("start-unknown-parameter", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter is refused", "start", "x_unknown", refused("invalid_request")),
	lax("start-empty-hint-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty hint is a hint", "empty-is-absent-login_hint_token"),
	lax("start-empty-message-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty binding_message is an unsuitable one", "empty-is-absent-binding_message"),
	lax("start-empty-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty parameter counts as sent", "empty-is-absent"),
	whenSent("start-notification-token-500", "CIBA-7.1-CNT-IN-POLL", "a notification token crashes the OP", "start", "client_notification_token", crash),
	lax("start-any-client", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA can start", "client-ciba"),
	wrongly("start-client-500", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA crashes the OP", "client-ciba", 500, "server_error"),
	Fault{"start-unknown-acr-500", "CIBA-7.1-ACR-UNKNOWN", "an unknown acr crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && strings.HasPrefix(c.value("acr_values"), "urn:x:") {
				crash(c, r)
			}
		})
	}},
	Fault{"start-long-500", "CIBA-13-OVERLONG-PARAM", "a long value crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.r.ContentLength > 40_000 {
				crash(c, r)
			}
		})
	}},
	wrongly("start-policy-400", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is a 400", "policy", 400, "access_denied"),
	wrongly("start-policy-code", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is unauthorized_client", "policy", 403, "unauthorized_client"),
	lax("start-no-policy", "CIBA-13-ACCESS-DENIED-403", "policy is not enforced", "policy"),
	Fault{"start-long-message-500", "CIBA-13-OVERLONG-PARAM", "a long binding_message crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && len(c.value("binding_message")) > 10_000 {
				crash(c, r)
			}
		})
	}},
	Fault{"start-long-hint-404", "CIBA-13-OVERLONG-PARAM", "a long hint is answered 404", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && len(c.value("login_hint")) > 10_000 {
				r.kind, r.status, r.body = "error", http.StatusNotFound, map[string]any{"error": "not_found"}
			}
		})
	}},
	Fault{"start-prompt-first", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "the user is asked before the client is authenticated", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			named := c.op.userBy(func(u User) bool { return u.LoginHint == c.value("login_hint") })
			if c.endpoint == "start" && r.status == 401 && named != nil {
				c.user, c.client = named, &c.op.reg.Clients[0]
				c.op.prompt(c.newFlow())
			}
		})
	}},
	Fault{"start-prompt-always", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "refused requests reach the user", func(b *behaviour) { b.promptAlways = true }},

	swap("error-see-other", "CIBA-13-NO-REDIRECT-NO-HTML", "good requests are redirected", "start", "ack", func(r *reply) {
		r.status = http.StatusSeeOther
		r.header.Set("Location", "/login")
	}),
	swap("error-html", "CIBA-13-NO-REDIRECT-NO-HTML", "errors are HTML pages", "start", "error", func(r *reply) {
		r.header.Set("Content-Type", "text/html")
		r.raw = []byte("<h1>Bad Request</h1>")
	}),
	swap("error-redirect", "CIBA-13-NO-REDIRECT-NO-HTML", "errors are redirects", "start", "error", func(r *reply) {
		r.status = http.StatusFound
		r.header.Set("Location", "/login")
	}),
	swap("error-text", "CIBA-13-ERROR-JSON", "errors are plain text", "start", "error", func(r *reply) {
		r.header.Set("Content-Type", "text/plain")
		r.raw = []byte("invalid_request")
	}),
	swap("error-media-type", "CIBA-13-ERROR-JSON", "errors are JSON called text/plain", "start", "error", func(r *reply) { r.header.Set("Content-Type", "text/plain") }),
	swap("error-number", "CIBA-13-ERROR-JSON", "the member error is a number", "start", "error", func(r *reply) { r.body["error"] = 400 }),
	swap("error-with-id", "CIBA-13-ERROR-JSON", "errors carry an auth_req_id", "start", "error", func(r *reply) { r.body["auth_req_id"] = "x" }),
	swap("error-empty-code", "CIBA-13-ERROR-JSON", "the member error is empty", "start", "error", func(r *reply) { r.body["error"] = "" }),
	swap("error-empty-body", "CIBA-13-ERROR-JSON", "errors have no body", "start", "error", func(r *reply) { r.raw = []byte{} }),
	swap("error-array", "CIBA-13-ERROR-JSON", "errors are JSON arrays", "start", "error", func(r *reply) { r.raw = []byte(`[{"error":"invalid_request"}]`) }),
	swap("error-nested", "CIBA-13-ERROR-JSON", "the member error is an object", "start", "error", func(r *reply) { r.body["error"] = map[string]any{"code": r.body["error"]} }),
	swap("error-message", "CIBA-13-ERROR-JSON", "errors have a message and no error", "start", "error", func(r *reply) { r.body = map[string]any{"message": "bad request"} }),
	swap("error-with-token", "CIBA-13-ERROR-JSON", "errors carry a token", "start", "error", func(r *reply) { r.body["access_token"] = randomID(16) }),
	Fault{"error-401-empty", "CIBA-13-ERROR-JSON", "failed authentication is answered without body", func(b *behaviour) {
		b.reply("start", "error", func(r *reply) {
			if r.status == 401 {
				r.raw = []byte{}
			}
		})
	}},
	swap("error-line-break", "CIBA-13-ERROR-CHARSET", "descriptions have two lines", "start", "error", func(r *reply) { r.body["error_description"] = "no\nhint" }),
	swap("error-backslash", "CIBA-13-ERROR-CHARSET", "descriptions contain backslashes", "token", "error", func(r *reply) { r.body["error_description"] = `see C:\docs` }),
	swap("error-quotes", "CIBA-13-ERROR-CHARSET", "descriptions contain quotes", "start", "error", func(r *reply) { r.body["error_description"] = `the "scope" is bad` }),
	swap("error-unicode", "CIBA-13-ERROR-CHARSET", "descriptions are not ASCII", "token", "error", func(r *reply) { r.body["error_description"] = "ungültig" }),
	swap("error-uri-spaces", "CIBA-13-ERROR-CHARSET", "error_uri has spaces", "start", "error", func(r *reply) { r.body["error_uri"] = "see the docs" }),
	swap("error-own-codes", "CIBA-13-ERROR-CODES", "errors have codes of the OP's own", "start", "error", func(r *reply) {
		if r.body["error"] == "invalid_scope" {
			r.body["error"] = "E1042"
		}
	}),
	swap("error-request-object", "CIBA-13-ERROR-CODES", "every request error is invalid_request_object", "start", "error", func(r *reply) {
		if r.body["error"] == "invalid_request" {
			r.body["error"] = "invalid_request_object"
		}
	}),
	swap("error-401-code", "CIBA-13-ERROR-CODES", "failed authentication is unauthorized", "start", "error", func(r *reply) {
		if r.body["error"] == "invalid_client" {
			r.body["error"] = "unauthorized"
		}
	}),
	swap("error-status-409", "CIBA-13-STATUS-PAIRING", "invalid_scope is a 409", "start", "error", func(r *reply) {
		if r.body["error"] == "invalid_scope" {
			r.status = 409
		}
	}),
	swap("error-status-422", "CIBA-13-STATUS-PAIRING", "request errors are 422", "start", "error", func(r *reply) {
		if r.status == 400 {
			r.status = 422
		}
	}),
	swap("error-status-401", "CIBA-13-STATUS-PAIRING", "unknown users are 401", "start", "error", func(r *reply) {
		if r.body["error"] == "unknown_user_id" {
			r.status = 401
		}
	}),
)

var _ = plant(
	lax("hint-not-needed", "CIBA-7.1-HINT-NONE", "no hint is needed", "hint-none"),
	wrongly("hint-none-scope", "CIBA-7.1-HINT-NONE", "a missing hint is invalid_scope", "hint-none", 400, "invalid_scope"),
	wrongly("hint-none-401", "CIBA-7.1-HINT-NONE", "a missing hint is 401 invalid_client", "hint-none", 401, "invalid_client"),
	wrongly("hint-none-500", "CIBA-7.1-HINT-NONE", "a missing hint crashes the OP", "hint-none", 500, "server_error"),
	lax("hint-first-wins", "CIBA-7.2-HINT-MULTIPLE", "further hints are overlooked", "hint-multiple"),
	lax("hint-pair-login-token", "CIBA-7.2-HINT-MULTIPLE", "login_hint and login_hint_token together are accepted", "hint-pair-login_hint-login_hint_token"),
	lax("hint-pair-login-id", "CIBA-7.2-HINT-MULTIPLE", "login_hint and id_token_hint together are accepted", "hint-pair-login_hint-id_token_hint"),
	lax("hint-pair-token-id", "CIBA-7.2-HINT-MULTIPLE", "both kinds of tokens together are accepted", "hint-pair-login_hint_token-id_token_hint"),
	wrongly("hint-multiple-code", "CIBA-7.2-HINT-MULTIPLE", "two hints are unknown_user_id", "hint-multiple", 400, "unknown_user_id"),
	wrongly("hint-multiple-500", "CIBA-7.2-HINT-MULTIPLE", "two hints crash the OP", "hint-multiple", 500, "server_error"),
	lax("hint-all-three", "CIBA-7.2-HINT-MULTIPLE", "all three hints together are accepted", "hint-pair-login_hint-login_hint_token-id_token_hint"),
	whenSent("hint-login-refused", "CIBA-7.1-LOGIN-HINT-OK", "a known login_hint is refused", "start", "login_hint", refused("unknown_user_id")),
	lax("hint-any-user", "CIBA-7.2-UNKNOWN-USER", "an unknown user gets somebody else's prompt", "hint-unknown"),
	wrongly("hint-unknown-500", "CIBA-7.2-UNKNOWN-USER", "an unknown user crashes the OP", "hint-unknown", 500, "server_error"),
	wrongly("hint-unknown-client", "CIBA-7.2-UNKNOWN-USER", "an unknown user is unauthorized_client", "hint-unknown", 400, "unauthorized_client"),
	wrongly("hint-unknown-404", "CIBA-7.2-UNKNOWN-USER", "an unknown user is 404", "hint-unknown", 404, "not_found"),
	lax("hint-empty", "CIBA-7.1-LOGIN-HINT-EMPTY", "an empty login_hint is the first user", "empty-is-absent", "hint-empty", "hint-unknown"),
	Fault{"hint-empty-500", "CIBA-7.1-LOGIN-HINT-EMPTY", "an empty login_hint crashes the OP", func(b *behaviour) {
		b.skip("empty-is-absent-login_hint")
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["login_hint"] != nil && c.value("login_hint") == "" {
				crash(c, r)
			}
		})
	}},
	Fault{"hint-token-wrong-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "a login_hint_token names another user", func(b *behaviour) {
		b.onHint = func(c *call, u *User) *User {
			if c.form["login_hint_token"] == nil {
				return u
			}
			return c.op.userBy(func(other User) bool { return other.Sub != u.Sub })
		}
	}},
	Fault{"hint-swapped-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "everybody is somebody else", func(b *behaviour) {
		b.onHint = func(c *call, u *User) *User { return c.op.userBy(func(other User) bool { return other.Sub != u.Sub }) }
	}},
	Fault{"hint-wrong-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "everybody is the first user", func(b *behaviour) {
		b.onHint = func(c *call, _ *User) *User { return &c.op.reg.Users[0] }
	}},
	whenSent("hint-id-token-refused", "CIBA-7.1-ITH-OK", "an ID Token is no hint", "start", "id_token_hint", refused("invalid_request")),
	Fault{"hint-id-token-subject", "CIBA-7.1-ITH-OK", "an ID Token names somebody else", func(b *behaviour) {
		b.onHint = func(c *call, u *User) *User {
			if c.form["id_token_hint"] != nil {
				return &c.op.reg.Users[len(c.op.reg.Users)-1]
			}
			return u
		}
	}},
	lax("hint-id-token-expired", "CIBA-14-ITH-EXPIRED-OK", "an ID Token that has expired is no hint", "id-hint-old"),
	lax("hint-id-token-any-client", "CIBA-14-ITH-OTHER-CLIENT", "another client's ID Token is a hint", "id-hint-audience"),
	lax("hint-id-token-unverified", "CIBA-14-ITH-BAD-SIGNATURE", "the hint's signature is not verified", "id-hint-signature"),
	Fault{"hint-id-token-bad-500", "CIBA-14-ITH-BAD-SIGNATURE", "a broken signature crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && strings.Count(c.value("id_token_hint"), ".") == 2 && r.status == 400 && len(c.value("id_token_hint")) > 100 {
				crash(c, r)
			}
		})
	}},
	lax("hint-id-token-foreign", "CIBA-14-ITH-FOREIGN-ISSUER", "anybody's ID Token is a hint", "id-hint-signature", "id-hint-issuer"),
	lax("hint-id-token-unsigned", "CIBA-14-ITH-ALG-NONE", "an unsigned ID Token is a hint", "id-hint-unsigned"),
	Fault{"hint-malformed-dots-500", "CIBA-7.2-ITH-MALFORMED", "a hint of the shape of a JWT crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.value("id_token_hint") == "a.b.c" {
				crash(c, r)
			}
		})
	}},
	Fault{"hint-malformed-accepted", "CIBA-7.2-ITH-MALFORMED", "an unreadable hint is the first user", func(b *behaviour) {
		b.onForm = append(b.onForm, func(c *call) {
			if h := c.value("id_token_hint"); h != "" && len(h) < 20 && c.form["login_hint"] == nil {
				delete(c.form, "id_token_hint")
				c.form["login_hint"] = []string{c.op.reg.Users[0].LoginHint}
			}
		})
	}},
	Fault{"hint-malformed-401", "CIBA-7.2-ITH-MALFORMED", "an unreadable hint is 401 invalid_token", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if h := c.value("id_token_hint"); c.endpoint == "start" && h != "" && len(h) < 20 && r.status == 400 {
				r.status, r.body = 401, map[string]any{"error": "invalid_token"}
			}
		})
	}},
	Fault{"hint-malformed-500", "CIBA-7.2-ITH-MALFORMED", "a malformed hint crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.value("id_token_hint") == "not-a-jwt" {
				crash(c, r)
			}
		})
	}},
	whenSent("hint-token-refused", "CIBA-7.1-LHT-OK", "a login_hint_token is refused", "start", "login_hint_token", refused("invalid_request")),
	lax("hint-token-eternal", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token is accepted", "hint-token-expired"),
	Fault{"hint-token-expired-500", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token crashes the OP", func(b *behaviour) {
		b.reply("start", "error", func(r *reply) {
			if r.body["error"] == "expired_login_hint_token" {
				crash(nil, r)
			}
		})
	}},
	Fault{"hint-token-expired-code", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token is expired_token", func(b *behaviour) {
		b.reply("start", "error", func(r *reply) {
			if r.body["error"] == "expired_login_hint_token" {
				r.body["error"] = "expired_token"
			}
		})
	}},
	lax("hint-token-unverified", "CIBA-14-LHT-BAD-SIGNATURE", "a forged login_hint_token is accepted", "hint-token-signature"),
	Fault{"hint-token-somebody", "CIBA-7.2-LHT-UNKNOWN-USER", "a login_hint_token for nobody is the first user", func(b *behaviour) { b.skip("hint-unknown") }},
	Fault{"hint-token-any-user", "CIBA-7.2-LHT-UNKNOWN-USER", "a login_hint_token for nobody is invalid_scope", func(b *behaviour) { b.refuse("hint-unknown", 400, "invalid_scope") }},
)

var _ = plant(
	whenSent("binding-never", "CIBA-7.1-BM-SHORT-OK", "every binding_message is refused", "start", "binding_message", refused("invalid_binding_message")),
	Fault{"binding-digits-only", "CIBA-7.1-BM-SHORT-OK", "messages have to be numbers", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if m := c.value("binding_message"); c.endpoint == "start" && m == "W4SCT" {
				refused("invalid_binding_message")(c, r)
			}
		})
	}},
	Fault{"binding-short-refused", "CIBA-7.1-BM-SHORT-OK", "short messages are refused", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if m := c.value("binding_message"); c.endpoint == "start" && m != "" && len(m) < 6 {
				refused("invalid_binding_message")(c, r)
			}
		})
	}},
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
	wrongly("binding-code", "CIBA-13-BM-UNSUITABLE", "an unsuitable message is access_denied", "binding-message", 403, "access_denied"),
	wrongly("binding-500", "CIBA-13-BM-UNSUITABLE", "an unsuitable message crashes the OP", "binding-message", 500, "server_error"),
	Fault{"binding-required", "CIBA-7.1-BM-OPTIONAL", "binding_message is required", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["binding_message"] == nil {
				refused("invalid_request")(c, r)
			}
		})
	}},
	Fault{"binding-required-500", "CIBA-7.1-BM-OPTIONAL", "a missing binding_message crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["binding_message"] == nil {
				crash(c, r)
			}
		})
	}},
	Fault{"binding-question-marks", "CIBA-7.1-BM-UTF8", "characters beyond ASCII become question marks", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) { p["binding_message"] = ascii(f.binding, "?") })
	}},
	Fault{"binding-utf8-500", "CIBA-7.1-BM-UTF8", "characters beyond ASCII crash the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if m := c.value("binding_message"); c.endpoint == "start" && m != ascii(m, "") {
				crash(c, r)
			}
		})
	}},
	Fault{"binding-latin1", "CIBA-7.1-BM-UTF8", "the message is read as Latin-1", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) {
			var garbled []rune
			for _, c := range []byte(f.binding) {
				garbled = append(garbled, rune(c))
			}
			p["binding_message"] = string(garbled)
		})
	}},
	lax("binding-raw", "CIBA-7.1-BM-INJECTION", "control characters reach the device", "binding-message"),
)

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
	lax("user-code-any", "CIBA-7.1.2-UC-WRONG", "any code will do", "user-code-wrong"),
	wrongly("user-code-wrong-denied", "CIBA-7.1.2-UC-WRONG", "a wrong code is access_denied", "user-code-wrong", 403, "access_denied"),
	whenSent("user-code-never", "CIBA-7.1.2-UC-OK", "the right code is refused", "start", "user_code", refused("invalid_user_code")),
	Fault{"user-code-prompt", "CIBA-7.1.2-UC-NO-PROMPT", "a wrong code reaches the user", func(b *behaviour) { b.promptEarly = true }},
	Fault{"user-code-opt-out-500", "CIBA-7.1.2-UC-CLIENT-OPT-OUT", "clients without code crash the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.client != nil && !c.client.UserCode && c.form["user_code"] == nil {
				crash(c, r)
			}
		})
	}},
	Fault{"user-code-unsupported-500", "CIBA-7.1.2-UC-UNSUPPORTED", "an OP without codes is crashed by one", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.body["backchannel_user_code_parameter_supported"] = false })
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["user_code"] != nil {
				crash(c, r)
			}
		})
	}},
)

// ack makes a fault of an edit of the acknowledgement.
func ack(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "start", "ack", edit)
}

func member(name string, value any) func(*reply) {
	return func(r *reply) { r.body[name] = value }
}

// ids makes a fault of the generator of auth_req_ids.
func ids(name, breaks, sees string, make func(*OP) string) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.authReqID = make }}
}

var _ = plant(
	ack("ack-202", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 202", func(r *reply) { r.status = 202 }),
	ack("ack-201", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 201", func(r *reply) { r.status = 201 }),
	ack("ack-302", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 302", func(r *reply) { r.status = http.StatusFound }),
	ack("ack-html", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/html", func(r *reply) { r.header.Set("Content-Type", "text/html") }),
	ack("ack-no-type", "CIBA-7.3-ACK-JSON", "the acknowledgement has no media type", func(r *reply) { r.header.Set("Content-Type", "") }),
	ack("ack-cached-privately", "CIBA-7.3-ACK-NO-STORE", "browsers may cache the acknowledgement", func(r *reply) { r.header.Set("Cache-Control", "private, max-age=60") }),
	ack("ack-no-cache", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement is to be revalidated only", func(r *reply) { r.header.Set("Cache-Control", "no-cache") }),
	Fault{"ack-blocked", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement waits for the user", func(b *behaviour) { b.delay["start"] = 100 * time.Second }},
	ack("ack-text", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/plain", func(r *reply) { r.header.Set("Content-Type", "text/plain") }),
	ack("ack-cached", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement may be cached", func(r *reply) { r.header.Del("Cache-Control") }),
	Fault{"ack-late", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 35 s", func(b *behaviour) { b.delay["start"] = 35 * time.Second }},
	Fault{"ack-slow", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 7 s", func(b *behaviour) { b.delay["start"] = 7 * time.Second }},
	ack("ack-no-id", "CIBA-7.3-ARID-PRESENT", "there is no auth_req_id", func(r *reply) { delete(r.body, "auth_req_id") }),
	ack("ack-id-null", "CIBA-7.3-ARID-PRESENT", "auth_req_id is null", member("auth_req_id", nil)),
	ack("ack-id-array", "CIBA-7.3-ARID-PRESENT", "auth_req_id is an array", member("auth_req_id", []any{"x"})),
	ack("ack-id-number", "CIBA-7.3-ARID-PRESENT", "auth_req_id is a number", member("auth_req_id", 4711)),
	ack("ack-id-empty", "CIBA-7.3-ARID-PRESENT", "auth_req_id is empty", member("auth_req_id", "")),
	ids("ack-id-colon", "CIBA-7.3-ARID-CHARSET", "ids are URNs", func(*OP) string { return "urn:request:" + randomID(24) }),
	ids("ack-id-tilde", "CIBA-7.3-ARID-CHARSET", "ids contain a tilde", func(*OP) string { return randomID(12) + "~" + randomID(12) }),
	ids("ack-id-padding", "CIBA-7.3-ARID-CHARSET", "ids end in =", func(*OP) string { return randomID(32) + "=" }),
	ids("ack-id-base64", "CIBA-7.3-ARID-CHARSET", "ids contain slashes and plus signs", func(*OP) string { return randomID(24) + "/+" + randomID(8) }),
	ids("ack-id-digits", "CIBA-7.3-ARID-ENTROPY", "ids are numbers of 20 digits", func(*OP) string { return digits(20) }),
	Fault{"ack-id-counter", "CIBA-7.3-ARID-ENTROPY", "ids are counted", func(b *behaviour) {
		var n atomic.Int64
		b.authReqID = func(*OP) string { return fmt.Sprintf("auth-request-of-this-provider-%012d", n.Add(1)) }
	}},
	ids("ack-id-108", "CIBA-7.3-ARID-ENTROPY", "ids have 108 bits", func(*OP) string { return randomID(32)[:18] }),
	ids("ack-id-short", "CIBA-7.3-ARID-ENTROPY", "ids have 64 random bits", func(*OP) string { return "request-" + randomID(8) }),
	ids("ack-id-padded", "CIBA-7.3-ARID-ENTROPY", "ids are long but mostly constant", func(*OP) string { return strings.Repeat("A", 40) + randomID(9) }),
	ids("ack-id-hex", "CIBA-7.3-ARID-ENTROPY-160", "ids are 38 hexadecimal digits", func(*OP) string { return hexID(19) }),
	ids("ack-id-uuid", "CIBA-7.3-ARID-ENTROPY-160", "ids have 128 random bits", func(*OP) string { return randomID(17) }),
	Fault{"ack-id-again", "CIBA-7.3-ARID-UNIQUE", "two requests that follow each other get one id", func(b *behaviour) {
		var n atomic.Int64
		b.reply("start", "ack", func(r *reply) {
			if n.Add(1)%16 < 2 {
				r.body["auth_req_id"] = repeatedID
			}
		})
	}},
	Fault{"ack-id-of-the-user", "CIBA-7.3-ARID-UNIQUE", "equal requests get one id", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if m := c.value("binding_message"); c.endpoint == "start" && r.kind == "ack" && (m == "W4SCT" || c.form["x_unknown"] != nil) {
				r.body["auth_req_id"] = repeatedID
			}
		})
	}},
	ack("ack-expires-string", "CIBA-7.3-EXPIRES-IN", "expires_in is a string", member("expires_in", "120")),
	ack("ack-expires-null", "CIBA-7.3-EXPIRES-IN", "expires_in is null", member("expires_in", nil)),
	ack("ack-expires-negative", "CIBA-7.3-EXPIRES-IN", "expires_in is negative", member("expires_in", -120)),
	ack("ack-expires-moment", "CIBA-7.3-EXPIRES-IN", "expires_in is a moment in seconds since 1970", member("expires_in", 1_795_000_000)),
	ack("ack-expires-missing", "CIBA-7.3-EXPIRES-IN", "expires_in is missing", func(r *reply) { delete(r.body, "expires_in") }),
	ack("ack-expires-zero", "CIBA-7.3-EXPIRES-IN", "expires_in is 0", member("expires_in", 0)),
	ack("ack-expires-fraction", "CIBA-7.3-EXPIRES-IN", "expires_in is 120.5", member("expires_in", 120.5)),
	ack("ack-interval-string", "CIBA-7.3-INTERVAL", "interval is a string", member("interval", "5")),
	ack("ack-interval-null", "CIBA-7.3-INTERVAL", "interval is null", member("interval", nil)),
	ack("ack-interval-fraction", "CIBA-7.3-INTERVAL", "interval is 2.5", member("interval", 2.5)),
	ack("ack-interval-negative", "CIBA-7.3-INTERVAL", "interval is negative", member("interval", -5)),
	ack("ack-interval-zero", "CIBA-7.3-INTERVAL", "interval is 0", member("interval", 0)),
	ack("ack-with-id-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an ID Token", member("id_token", "e30.e30.e30")),
	ack("ack-with-refresh-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries a refresh token", member("refresh_token", "early-bird")),
	ack("ack-with-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an access token", member("access_token", "early-bird")),
	Fault{"ack-id-readable", "CIBA-7.3-ARID-NO-LEAK", "the id is a JWT with the login hint", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.id = readableID(f) })
	}},
)

const repeatedID = "the-same-id-again-and-again-and-again-0000"

// digits is a random number.
func digits(n int) string {
	text := make([]byte, n)
	for i, b := range []byte(randomID(n)[:n]) {
		text[i] = '0' + b%10
	}
	return string(text)
}

// hexID is random in hexadecimal.
func hexID(bytes int) string {
	raw, _ := base64.RawURLEncoding.DecodeString(randomID(bytes))
	return hex.EncodeToString(raw)
}

// readableID is an unsigned JWT that tells who the user is.
func readableID(f *flow) string {
	return encodeJSON(map[string]any{"alg": "HS256"}) + "." + encodeJSON(map[string]any{"hint": f.user.LoginHint, "jti": randomID(32)}) + "." + randomID(32)
}

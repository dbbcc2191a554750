package refop

import (
	"net/http"
	"strings"
	"sync"
)

// swap makes a fault that replaces one kind of answer of an endpoint.
func swap(name, breaks, sees, endpoint, kind string, edit func(*reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.reply(endpoint, kind, edit) }}
}

// onStart makes a fault of some backchannel requests.
func onStart(name, breaks, sees string, which func(*call) bool, edit func(*call, *reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && which(c) {
				edit(c, r)
			}
		})
	}}
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

// errorWhen makes a fault of an edit of the errors with one code.
func errorWhen(name, breaks, sees, code string, edit func(*reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.reply("", "error", func(r *reply) {
			if r.body["error"] == code {
				edit(r)
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
	onStart("start-get-500", "CIBA-7-POST-ONLY", "GET crashes the OP", func(c *call) bool { return c.r.Method == http.MethodGet }, crash),
	lax("start-by-any-method", "CIBA-7-POST-ONLY", "PUT starts a transaction", "method-start"),
	lax("start-json", "CIBA-7.1-FORM-ENCODING", "a JSON body is read", "media-type"),
	onStart("start-charset-refused", "CIBA-7.1-FORM-CHARSET-PARAM", "a charset parameter is refused",
		func(c *call) bool { return strings.Contains(c.r.Header.Get("Content-Type"), "charset") }, refused("invalid_request")),
	onStart("start-json-500", "CIBA-7.1-FORM-ENCODING", "a JSON body crashes the OP",
		func(c *call) bool { return strings.Contains(c.r.Header.Get("Content-Type"), "json") }, crash),
	onStart("start-query-500", "CIBA-7.1-QUERY-IGNORED", "a query crashes the OP",
		func(c *call) bool { return c.r.URL.Query().Has("scope") && c.r.Method == http.MethodPost }, crash),
	lax("start-query", "CIBA-7.1-QUERY-IGNORED", "parameters are read from the URL", "query-start"),
	onStart("start-empty-500", "CIBA-7.1-FORM-ENCODING", "a request without parameters crashes the OP",
		func(c *call) bool { return c.form["scope"] == nil && len(c.hints()) == 0 }, crash),
	Fault{"start-bad-escape-500", "CIBA-7.1-FORM-ENCODING", "a form that cannot be read crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && r.body["error_description"] == "the form cannot be read" {
				crash(c, r)
			}
		})
	}},
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
	onStart("start-scope-order", "RFC6749-3.3-SCOPE-ORDER", "openid has to come first",
		func(c *call) bool { return c.value("scope") != "" && !strings.HasPrefix(c.value("scope"), "openid") }, refused("invalid_scope")),
	lax("start-duplicates", "CIBA-13-DUPLICATE-PARAM", "the first of two parameters counts", "duplicates"),
	lax("start-duplicates-equal", "CIBA-13-DUPLICATE-PARAM", "a parameter may come twice with one value", "duplicates-equal"),
	lax("start-duplicate-hint", "CIBA-13-DUPLICATE-PARAM", "the first of two hints counts", "duplicates-login_hint"),
	lax("start-duplicate-scope", "CIBA-13-DUPLICATE-PARAM", "the first of two scopes counts", "duplicates-scope"),
	lax("start-duplicate-message", "CIBA-13-DUPLICATE-PARAM", "the first of two binding messages counts", "duplicates-binding_message"),
	lax("start-duplicate-expiry", "CIBA-13-DUPLICATE-PARAM", "the first of two requested_expiry counts", "duplicates-requested_expiry"),
	lax("start-duplicate-hint-token", "CIBA-13-DUPLICATE-PARAM", "the first of two login_hint_tokens counts", "duplicates-login_hint_token"),
	lax("start-duplicate-details", "CIBA-13-DUPLICATE-PARAM", "the first of two authorization_details counts", "duplicates-authorization_details"),
	wrongly("start-duplicate-code", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter is invalid_scope", "duplicates", 400, "invalid_scope"),
	wrongly("start-duplicate-500", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter crashes the OP", "duplicates", 500, "server_error"),
	whenSent("start-unknown-parameter-500", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter crashes the OP", "start", "x_unknown", crash),
	whenSent("start-unknown-parameter", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter is refused", "start", "x_unknown", refused("invalid_request")),
	lax("start-empty-hint-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty hint is a hint", "empty-is-absent-login_hint_token"),
	lax("start-empty-message-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty binding_message is an unsuitable one", "empty-is-absent-binding_message"),
	lax("start-empty-expiry-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty requested_expiry is a bad one", "empty-is-absent-requested_expiry"),
	lax("start-empty-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty parameter counts as sent", "empty-is-absent"),
	whenSent("start-notification-token-500", "CIBA-7.1-CNT-IN-POLL", "a notification token crashes the OP", "start", "client_notification_token", crash),
	lax("start-any-client", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA can start", "client-ciba"),
	wrongly("start-client-500", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA crashes the OP", "client-ciba", 500, "server_error"),
	onStart("start-unknown-acr-500", "CIBA-7.1-ACR-UNKNOWN", "an unknown acr crashes the OP",
		func(c *call) bool { return strings.HasPrefix(c.value("acr_values"), "urn:x:") }, crash),
	onStart("start-long-500", "CIBA-13-OVERLONG-PARAM", "a long value crashes the OP", func(c *call) bool { return c.r.ContentLength > 40_000 }, crash),
	wrongly("start-policy-400", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is a 400", "policy", 400, "access_denied"),
	wrongly("start-policy-code", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is unauthorized_client", "policy", 403, "unauthorized_client"),
	lax("start-no-policy", "CIBA-13-ACCESS-DENIED-403", "policy is not enforced", "policy"),
	onStart("start-long-message-500", "CIBA-13-OVERLONG-PARAM", "a long binding_message crashes the OP",
		func(c *call) bool { return len(c.value("binding_message")) > 10_000 }, crash),
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
	Fault{"start-refused-ends-others", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "a refused request ends what is open for its user", func(b *behaviour) {
		var mu sync.Mutex
		open := map[*User]*flow{}
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) {
			mu.Lock()
			defer mu.Unlock()
			open[f.user] = f
		})
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			mu.Lock()
			f := open[c.user]
			mu.Unlock()
			if c.endpoint != "start" || r.kind != "error" || f == nil {
				return
			}
			s := c.op.shardOf(f.id)
			s.mu.Lock()
			defer s.mu.Unlock()
			if f.state == "" {
				f.state = denied
			}
		})
	}},
	Fault{"start-prompt-unauthorized", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "the user is asked by a client that may not ask", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			named := c.op.userBy(func(u User) bool { return u.LoginHint == c.value("login_hint") })
			if c.endpoint == "start" && r.body["error"] == "unauthorized_client" && named != nil {
				c.user = named
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
	swap("error-200", "CIBA-13-STATUS-PAIRING", "errors are answered 200", "start", "error", status(http.StatusOK)),
	errorWhen("error-200-for-messages", "CIBA-13-BM-UNSUITABLE", "an unsuitable message is an error with status 200", "invalid_binding_message", status(http.StatusOK)),
	errorWhen("error-description-object", "CIBA-13-ERROR-CHARSET", "the description of a bad scope is an object", "invalid_scope", member("error_description", map[string]any{"en": "bad scope"})),
	errorWhen("error-user-code-text", "CIBA-13-ERROR-JSON", "a wrong user_code is answered in plain text", "invalid_user_code", func(r *reply) {
		r.header.Set("Content-Type", "text/plain")
		r.raw = []byte("wrong user code")
	}),
	errorWhen("error-user-unknown-with-id", "CIBA-13-ERROR-JSON", "a login_hint_token for nobody is refused with an auth_req_id", "expired_login_hint_token", member("auth_req_id", "x")),
	errorWhen("error-client-page", "CIBA-13-NO-REDIRECT-NO-HTML", "a client without CIBA is shown a page", "unauthorized_client", func(r *reply) {
		r.header.Set("Content-Type", "text/html")
	}),
	errorWhen("error-user-code-redirect", "CIBA-13-NO-REDIRECT-NO-HTML", "without its user_code a request is redirected", "missing_user_code", func(r *reply) {
		r.status = http.StatusFound
		r.header.Set("Location", "/code")
	}),
	errorWhen("error-details-422", "CIBA-13-STATUS-PAIRING", "bad authorization_details are a 422", "invalid_authorization_details", status(http.StatusUnprocessableEntity)),
	errorWhen("error-user-code-own-code", "CIBA-13-ERROR-CODES", "a wrong user_code has a code of the OP's own", "invalid_user_code", member("error", "user_code_mismatch")),
	errorWhen("error-denied-unicode", "CIBA-13-ERROR-CHARSET", "the description of a denial is not ASCII", "access_denied", member("error_description", "l’utilisateur a refusé")),
	errorWhen("error-code-quoted", "CIBA-13-ERROR-CHARSET", "the description of a wrong user_code has quotes", "invalid_user_code", member("error_description", `the "user_code" is wrong`)),
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

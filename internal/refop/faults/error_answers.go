package faults

import (
	"net/http"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// ErrorAnswers are the defects of the form of errors; CIBA Core 13.
var ErrorAnswers = []Fault{
	{
		"error-see-other", "CIBA-13-NO-REDIRECT-NO-HTML", "good requests are redirected",
		edit.Acknowledgements(func(r *refop.Reply) {
			r.Status = http.StatusSeeOther
			r.Header.Set("Location", "/login")
		}),
	},
	{
		"error-html", "CIBA-13-NO-REDIRECT-NO-HTML", "errors are HTML pages",
		startErrors(func(r *refop.Reply) {
			r.Header.Set("Content-Type", "text/html")
			r.Raw = []byte("<h1>Bad Request</h1>")
		}),
	},
	{
		"error-redirect", "CIBA-13-NO-REDIRECT-NO-HTML", "errors are redirects",
		startErrors(func(r *refop.Reply) {
			r.Status = http.StatusFound
			r.Header.Set("Location", "/login")
		}),
	},
	{
		"error-text", "CIBA-13-ERROR-JSON", "errors are plain text",
		startErrors(func(r *refop.Reply) {
			r.Header.Set("Content-Type", "text/plain")
			r.Raw = []byte("invalid_request")
		}),
	},
	{
		"error-media-type", "CIBA-13-ERROR-JSON", "errors are JSON called text/plain",
		startErrors(edit.Media("text/plain")),
	},
	{
		"error-number", "CIBA-13-ERROR-JSON", "the member error is a number",
		startErrors(func(r *refop.Reply) { r.Body["error"] = 400 }),
	},
	{
		"error-with-id", "CIBA-13-ERROR-JSON", "errors carry an auth_req_id",
		startErrors(func(r *refop.Reply) { r.Body["auth_req_id"] = "x" }),
	},
	{
		"error-empty-code", "CIBA-13-ERROR-JSON", "the member error is empty",
		startErrors(func(r *refop.Reply) { r.Body["error"] = "" }),
	},
	{
		"error-empty-body", "CIBA-13-ERROR-JSON", "errors have no body",
		startErrors(func(r *refop.Reply) { r.Raw = []byte{} }),
	},
	{
		"error-array", "CIBA-13-ERROR-JSON", "errors are JSON arrays",
		startErrors(func(r *refop.Reply) { r.Raw = []byte(`[{"error":"invalid_request"}]`) }),
	},
	{
		"error-nested", "CIBA-13-ERROR-JSON", "the member error is an object",
		startErrors(func(r *refop.Reply) { r.Body["error"] = map[string]any{"code": r.Body["error"]} }),
	},
	{
		"error-message", "CIBA-13-ERROR-JSON", "errors have a message and no error",
		startErrors(func(r *refop.Reply) { r.Body = map[string]any{"message": "bad request"} }),
	},
	{
		"error-with-token", "CIBA-13-ERROR-JSON", "errors carry a token",
		startErrors(func(r *refop.Reply) { r.Body["access_token"] = refop.RandomID(16) }),
	},
	{
		"error-401-empty", "CIBA-13-ERROR-JSON", "failed authentication is answered without body",
		startErrors(func(r *refop.Reply) {
			if r.Status == 401 {
				r.Raw = []byte{}
			}
		}),
	},
	{
		"error-200", "CIBA-13-STATUS-PAIRING", "errors are answered 200",
		startErrors(edit.Status(http.StatusOK)),
	},
	{
		"error-200-for-messages", "CIBA-13-BM-UNSUITABLE", "an unsuitable message is an error with status 200",
		errorsOf("invalid_binding_message", edit.Status(http.StatusOK)),
	},
	{
		"error-description-object", "CIBA-13-ERROR-CHARSET", "the description of a bad scope is an object",
		errorsOf("invalid_scope", edit.Member("error_description", map[string]any{"en": "bad scope"})),
	},
	{
		"error-user-code-text", "CIBA-13-ERROR-JSON", "a wrong user_code is answered in plain text",
		errorsOf("invalid_user_code", func(r *refop.Reply) {
			r.Header.Set("Content-Type", "text/plain")
			r.Raw = []byte("wrong user code")
		}),
	},
	{
		"error-user-unknown-with-id", "CIBA-13-ERROR-JSON", "a login_hint_token for nobody is refused with an auth_req_id",
		errorsOf("expired_login_hint_token", edit.Member("auth_req_id", "x")),
	},
	{
		"error-client-page", "CIBA-13-NO-REDIRECT-NO-HTML", "a client without CIBA is shown a page",
		errorsOf("unauthorized_client", func(r *refop.Reply) {
			r.Header.Set("Content-Type", "text/html")
		}),
	},
	{
		"error-user-code-redirect", "CIBA-13-NO-REDIRECT-NO-HTML", "without its user_code a request is redirected",
		errorsOf("missing_user_code", func(r *refop.Reply) {
			r.Status = http.StatusFound
			r.Header.Set("Location", "/code")
		}),
	},
	{
		"error-details-422", "CIBA-13-STATUS-PAIRING", "bad authorization_details are a 422",
		errorsOf("invalid_authorization_details", edit.Status(http.StatusUnprocessableEntity)),
	},
	{
		"error-user-code-own-code", "CIBA-13-ERROR-CODES", "a wrong user_code has a code of the OP's own",
		errorsOf("invalid_user_code", edit.Member("error", "user_code_mismatch")),
	},
	{
		"error-denied-unicode", "CIBA-13-ERROR-CHARSET", "the description of a denial is not ASCII",
		errorsOf("access_denied", edit.Member("error_description", "l’utilisateur a refusé")),
	},
	{
		"error-code-quoted", "CIBA-13-ERROR-CHARSET", "the description of a wrong user_code has quotes",
		errorsOf("invalid_user_code", edit.Member("error_description", `the "user_code" is wrong`)),
	},
	{
		"error-line-break", "CIBA-13-ERROR-CHARSET", "descriptions have two lines",
		startErrors(func(r *refop.Reply) { r.Body["error_description"] = "no\nhint" }),
	},
	{
		"error-backslash", "CIBA-13-ERROR-CHARSET", "descriptions contain backslashes",
		edit.Answers(refop.EndpointToken, refop.ReplyError, func(r *refop.Reply) { r.Body["error_description"] = `see C:\docs` }),
	},
	{
		"error-quotes", "CIBA-13-ERROR-CHARSET", "descriptions contain quotes",
		startErrors(func(r *refop.Reply) { r.Body["error_description"] = `the "scope" is bad` }),
	},
	{
		"error-unicode", "CIBA-13-ERROR-CHARSET", "descriptions are not ASCII",
		edit.Answers(refop.EndpointToken, refop.ReplyError, func(r *refop.Reply) { r.Body["error_description"] = "ungültig" }),
	},
	{
		"error-uri-spaces", "CIBA-13-ERROR-CHARSET", "error_uri has spaces",
		startErrors(func(r *refop.Reply) { r.Body["error_uri"] = "see the docs" }),
	},
	{
		"error-own-codes", "CIBA-13-ERROR-CODES", "errors have codes of the OP's own",
		startErrorsOf("invalid_scope", edit.Member("error", "E1042")),
	},
	{
		"error-request-object", "CIBA-13-ERROR-CODES", "every request error is invalid_request_object",
		startErrorsOf("invalid_request", edit.Member("error", "invalid_request_object")),
	},
	{
		"error-401-code", "CIBA-13-ERROR-CODES", "failed authentication is unauthorized",
		startErrorsOf("invalid_client", edit.Member("error", "unauthorized")),
	},
	{
		"error-status-409", "CIBA-13-STATUS-PAIRING", "invalid_scope is a 409",
		startErrorsOf("invalid_scope", edit.Status(409)),
	},
	{
		"error-status-422", "CIBA-13-STATUS-PAIRING", "request errors are 422",
		startErrors(func(r *refop.Reply) {
			if r.Status == 400 {
				r.Status = 422
			}
		}),
	},
	{
		"error-status-401", "CIBA-13-STATUS-PAIRING", "unknown users are 401",
		startErrorsOf("unknown_user_id", edit.Status(401)),
	},
}

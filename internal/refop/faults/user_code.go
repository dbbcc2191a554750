package faults

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// UserCode are the defects of user_code; CIBA Core 7.1.2.
var UserCode = []Fault{
	{
		"user-code-missing-500", "CIBA-7.1.2-UC-MISSING", "a missing code crashes the OP",
		edit.Answering(refop.CheckUserCodeMissing, 500, "server_error"),
	},
	{
		"user-code-missing-401", "CIBA-7.1.2-UC-MISSING", "a missing code is a 401",
		edit.Answering(refop.CheckUserCodeMissing, 401, "missing_user_code"),
	},
	{
		"user-code-missing-wrong", "CIBA-7.1.2-UC-MISSING", "a missing code is invalid_user_code",
		edit.Answering(refop.CheckUserCodeMissing, 400, "invalid_user_code"),
	},
	{
		"user-code-wrong-missing", "CIBA-7.1.2-UC-WRONG", "a wrong code is missing_user_code",
		edit.Answering(refop.CheckUserCodeWrong, 400, "missing_user_code"),
	},
	{
		"user-code-wrong-500", "CIBA-7.1.2-UC-WRONG", "a wrong code crashes the OP",
		edit.Answering(refop.CheckUserCodeWrong, 500, "server_error"),
	},
	{
		"user-code-beginning", "CIBA-7.1.2-UC-WRONG", "the last digit of a code does not matter",
		userCode(func(code, right string) bool {
			return len(code) == len(right) && strings.HasPrefix(right, code[:len(code)-1])
		}),
	},
	{
		"user-code-shorter", "CIBA-7.1.2-UC-WRONG", "the beginning of a code will do",
		userCode(func(code, right string) bool { return code != "" && strings.HasPrefix(right, code) }),
	},
	{
		"user-code-missing-prompt", "CIBA-7.1.2-UC-NO-PROMPT", "a missing code is refused after the user was asked",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Body["error"] == "missing_user_code" {
				askAnyway(c)
			}
		}),
	},
	{"user-code-not-needed", "CIBA-7.1.2-UC-MISSING", "a missing code is no obstacle", edit.Without(refop.CheckUserCodeMissing)},
	{
		"user-code-missing-invalid", "CIBA-7.1.2-UC-MISSING", "a missing code is invalid_request",
		edit.Answering(refop.CheckUserCodeMissing, 400, "invalid_request"),
	},
	{
		"user-code-empty", "CIBA-7.1.2-UC-MISSING", "an empty code will do",
		edit.All(edit.KeepingEmpty("user_code"), edit.WithoutWhen(edit.Sent("user_code"), refop.CheckUserCodeMissing)),
	},
	{
		"user-code-not-with-token", "CIBA-7.1.2-UC-MISSING", "with a login_hint_token no code is needed",
		edit.WithoutWhen(edit.Sent(refop.LoginHintToken), refop.CheckUserCodeMissing),
	},
	{
		"user-code-and-more", "CIBA-7.1.2-UC-WRONG", "what follows the right code does not matter",
		userCode(func(code, right string) bool { return right != "" && strings.HasPrefix(code, right) }),
	},
	{"user-code-any", "CIBA-7.1.2-UC-WRONG", "any code will do", edit.Without(refop.CheckUserCodeWrong)},
	{"user-code-anybodys", "CIBA-7.1.2-UC-WRONG", "any user's code will do", edit.WithoutWhen(codeOfAnybody, refop.CheckUserCodeWrong)},
	{
		"user-code-wrong-denied", "CIBA-7.1.2-UC-WRONG", "a wrong code is access_denied",
		edit.Answering(refop.CheckUserCodeWrong, 403, "access_denied"),
	},
	{"user-code-never", "CIBA-7.1.2-UC-OK", "the right code is refused", startsThat(edit.Sent("user_code"), refused("invalid_user_code"))},
	{"user-code-prompt", "CIBA-7.1.2-UC-NO-PROMPT", "a wrong code reaches the user", askingAnyway},
	{
		"user-code-opt-out-500", "CIBA-7.1.2-UC-CLIENT-OPT-OUT", "clients without code crash the OP",
		startsThat(optedOut, crash),
	},
	{
		"user-code-unsupported-500", "CIBA-7.1.2-UC-UNSUPPORTED", "an OP without codes is crashed by one",
		edit.All(edit.Metadata(edit.SetMember("backchannel_user_code_parameter_supported", false)), startsThat(edit.Sent("user_code"), crash)),
	},
}

// userCode takes other codes for the right one, too.
func userCode(too func(code, right string) bool) edit.Change {
	return edit.WithoutWhen(func(c *refop.Call) bool { return too(c.Value("user_code"), c.User.UserCode) }, refop.CheckUserCodeWrong)
}

func codeOfAnybody(c *refop.Call) bool {
	return c.OP.UserBy(func(u refop.User) bool { return u.UserCode != "" && u.UserCode == c.Value("user_code") }) != nil
}

// optedOut picks requests without a code of clients that are not registered for
// codes. Of a client that is not known, this OP thinks as of the others.
func optedOut(c *refop.Call) bool {
	registered := c.Client != nil && c.Client.UserCode
	return c.Request.Method == http.MethodPost && !registered && !c.Has("user_code")
}

package refop

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
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
	hintIsFirstUser("hint-token-first-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "a login_hint_token always names the first user", "login_hint_token"),
	Fault{"hint-swapped-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "everybody is somebody else", func(b *behaviour) {
		b.onHint = func(c *call, u *User) *User { return c.op.userBy(func(other User) bool { return other.Sub != u.Sub }) }
	}},
	onStart("hint-nul-500", "CIBA-7.2-UNKNOWN-USER", "a NUL in a login_hint crashes the OP", func(c *call) bool { return strings.Contains(c.value("login_hint"), "\x00") }, crash),
	Fault{"hint-wildcard", "CIBA-7.2-UNKNOWN-USER", "an asterisk names the first user", func(b *behaviour) {
		b.onForm = append(b.onForm, func(c *call) {
			if c.value("login_hint") == "*" {
				c.form["login_hint"] = []string{c.op.reg.Users[0].LoginHint}
			}
		})
	}},
	onStart("hint-token-malformed-500", "CIBA-14-LHT-BAD-SIGNATURE", "a login_hint_token that is none crashes the OP",
		func(c *call) bool {
			return c.form["login_hint_token"] != nil && !strings.Contains(c.value("login_hint_token"), ".")
		}, crash),
	Fault{"hint-prompts-other", "CIBA-7.1-HINT-SUBJECT-MATCH", "the other user is asked", func(b *behaviour) {
		b.onPrompt = append(b.onPrompt, func(_ *flow, p map[string]any) {
			if p["login_hint"] == "alice" {
				p["login_hint"], p["sub"] = "bob", "u-1002"
			} else {
				p["login_hint"], p["sub"] = "alice", "u-1001"
			}
		})
	}},
	Fault{"hint-mixed-up", "CIBA-8-MANY-PARALLEL", "of requests at the same time one gets the user of the other", func(b *behaviour) {
		var latest atomic.Pointer[User]
		b.onHint = func(c *call, u *User) *User {
			latest.Store(u)
			c.op.wait(2 * time.Millisecond)
			return latest.Load()
		}
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
	Fault{"hint-id-token-es256-refused", "CIBA-7.1-ITH-OK", "an ID Token signed by ES256 is no hint", func(b *behaviour) {
		b.refuseStart("invalid_request", func(c *call) bool {
			token, err := jose.Decode(c.value("id_token_hint"))
			return err == nil && token.Header["alg"] == "ES256"
		})
	}},
	Fault{"hint-id-token-pairwise-refused", "CIBA-7.1-ITH-OK", "a pairwise subject names nobody", func(b *behaviour) {
		b.refuseStart("unknown_user_id", func(c *call) bool { return c.form["id_token_hint"] != nil && c.client.Sector != "" })
	}},
	lax("hint-id-token-unknown-key", "CIBA-14-ITH-BAD-SIGNATURE", "a hint under an unknown kid is not verified", "id-hint-unknown-key"),
	lax("hint-id-token-unsigned-odd", "CIBA-14-ITH-ALG-NONE", "unsigned hints are refused by one spelling of none only", "id-hint-unsigned-odd"),
	lax("hint-token-unsigned", "CIBA-14-LHT-BAD-SIGNATURE", "a login_hint_token without signature is accepted", "hint-token-unsigned"),
	hintIsFirstUser("hint-id-token-first-subject", "CIBA-7.1-ITH-OK", "an ID Token always names the first user", "id_token_hint"),
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
	onStart("hint-malformed-dots-500", "CIBA-7.2-ITH-MALFORMED", "a hint of the shape of a JWT crashes the OP",
		func(c *call) bool { return c.value("id_token_hint") == "a.b.c" }, crash),
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
	onStart("hint-malformed-500", "CIBA-7.2-ITH-MALFORMED", "a malformed hint crashes the OP",
		func(c *call) bool { return c.value("id_token_hint") == "not-a-jwt" }, crash),
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

// hintIsFirstUser takes the first user for everybody whom this kind of hint names.
func hintIsFirstUser(name, requirement, what, hint string) Fault {
	return Fault{name, requirement, what, func(b *behaviour) {
		b.onHint = func(c *call, u *User) *User {
			if c.form[hint] != nil {
				return &c.op.reg.Users[0]
			}
			return u
		}
	}}
}

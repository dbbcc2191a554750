package edit

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
)

// Answers edits the answers of an endpoint that are of a kind; empty means any.
func Answers(e refop.Endpoint, kind refop.ReplyKind, edit func(*refop.Reply)) Change {
	return func(p *refop.Plan) { Answer(p, e, kind, edit) }
}

// Answer is [Answers] as a step of a larger change.
func Answer(p *refop.Plan, e refop.Endpoint, kind refop.ReplyKind, edit func(*refop.Reply)) {
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if (e == "" || e == c.Endpoint) && (kind == "" || kind == r.Kind) {
			edit(r)
		}
	})
}

// Acknowledgements edits the answers to good backchannel requests.
func Acknowledgements(edit func(*refop.Reply)) Change {
	return Answers(refop.EndpointStart, refop.ReplyAcknowledgement, edit)
}

// Tokens edits the answers to polls that bring tokens.
func Tokens(edit func(*refop.Reply)) Change {
	return Answers(refop.EndpointToken, refop.ReplyTokens, edit)
}

// Introspections edits the answers of introspection that are no errors.
func Introspections(edit func(*refop.Reply)) Change {
	return Answers(refop.EndpointIntrospection, refop.ReplyIntrospection, edit)
}

// Metadata edits the discovery document.
func Metadata(edit func(doc map[string]any)) Change {
	return Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, func(r *refop.Reply) { edit(r.Body) })
}

// Polls edits the answers to polls, whatever they are.
func Polls(edit func(*refop.Call, *refop.Reply)) Change {
	return func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointToken && c.Value("grant_type") == refop.GrantCIBA {
				edit(c, r)
			}
		})
	}
}

// Late makes all answers of an endpoint take longer.
func Late(e refop.Endpoint, d time.Duration) Change {
	return func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, _ *refop.Reply) {
			if c.Endpoint == e {
				c.OP.Wait(d)
			}
		})
	}
}

// Pace answers polls that come too early with an error of another kind.
func Pace(answer func(c *refop.Call, f *refop.Flow) *refop.OAuthError) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Pace
		p.Rules.Pace = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
			if inner(c, f) == nil {
				return nil
			}
			return answer(c, f)
		}
	}
}

// Member sets a member of the body.
func Member(name string, value any) func(*refop.Reply) {
	return func(r *refop.Reply) { r.Body[name] = value }
}

// WithoutMember takes members of the body away.
func WithoutMember(names ...string) func(*refop.Reply) {
	return func(r *refop.Reply) {
		for _, name := range names {
			delete(r.Body, name)
		}
	}
}

// Header sets a header.
func Header(name, value string) func(*refop.Reply) {
	return func(r *refop.Reply) { r.Header.Set(name, value) }
}

// WithoutHeader takes a header away.
func WithoutHeader(name string) func(*refop.Reply) {
	return func(r *refop.Reply) { r.Header.Del(name) }
}

// Media sets the media type.
func Media(value string) func(*refop.Reply) { return Header("Content-Type", value) }

// Challenge sets WWW-Authenticate.
func Challenge(value string) func(*refop.Reply) { return Header("WWW-Authenticate", value) }

// Status sets the status.
func Status(code int) func(*refop.Reply) { return func(r *refop.Reply) { r.Status = code } }

// Failing makes an error of an answer, whatever it was. Headers stay.
func Failing(status int, code string) func(*refop.Reply) {
	return func(r *refop.Reply) {
		r.Kind, r.Status, r.Body = refop.ReplyError, status, map[string]any{"error": code}
	}
}

// Page makes an answer what an HTTP server says before the protocol has a word.
func Page(status int) func(*refop.Reply) {
	return func(r *refop.Reply) {
		r.Kind, r.Status, r.Raw = refop.ReplyError, status, []byte("<html><body>"+http.StatusText(status)+"</body></html>")
		r.Header.Set("Content-Type", "text/html")
	}
}

// Replies edits all answers.
func Replies(edit func(*refop.Call, *refop.Reply)) Change {
	return func(p *refop.Plan) { p.EditReplies(edit) }
}

// Prompts edits what the device is told.
func Prompts(edit func(f *refop.Flow, prompt map[string]any)) Change {
	return func(p *refop.Plan) { p.EditPrompts(edit) }
}

// SetMember sets a member of a document.
func SetMember(name string, value any) func(doc map[string]any) {
	return func(doc map[string]any) { doc[name] = value }
}

// DropMembers takes members of a document away.
func DropMembers(names ...string) func(doc map[string]any) {
	return func(doc map[string]any) {
		for _, name := range names {
			delete(doc, name)
		}
	}
}

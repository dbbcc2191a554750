package personas

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// The limits of the product for a user and a minute.
const (
	notificationsAMinute = 5
	userInfoAMinute      = 10
)

// auth0Limits refuses what is too much for one user in a minute.
func auth0Limits(p *refop.Plan) {
	notified := edit.NewWindow(notificationsAMinute, time.Minute)
	accept := p.Rules.AcceptFlow
	p.Rules.AcceptFlow = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
		if wait := notified.Take(f.User.Sub, c.Now); wait > 0 {
			return tooMany(wait)
		}
		return accept(c, f)
	}
	looked := edit.NewWindow(userInfoAMinute, time.Minute)
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyUserInfo {
			if wait := looked.Take(c.Flow.User.Sub, c.Now); wait > 0 {
				refused := refop.Failure(tooMany(wait))
				r.Kind, r.Status, r.Body = refused.Kind, refused.Status, refused.Body
				r.Header.Set("Retry-After", refused.Header.Get("Retry-After"))
			}
		}
		if r.Body["error"] == "too_many_requests" {
			most := map[refop.Endpoint]int{refop.EndpointStart: notificationsAMinute, refop.EndpointUserInfo: userInfoAMinute}[c.Endpoint]
			after, _ := strconv.Atoi(r.Header.Get("Retry-After"))
			r.Header.Set("X-Ratelimit-Limit", strconv.Itoa(most))
			r.Header.Set("X-Ratelimit-Remaining", "0")
			r.Header.Set("X-Ratelimit-Reset", strconv.FormatInt(c.Now.Unix()+int64(after), 10))
		}
	})
}

func tooMany(wait time.Duration) *refop.OAuthError {
	return &refop.OAuthError{
		Status: http.StatusTooManyRequests, Code: "too_many_requests", Description: "Too many requests for this user", RetryAfter: wait,
	}
}

// The limits of authorization_details that a user sees in an app or on a page.
const (
	maxObjects    = 5
	maxDetails    = 5 << 10 // bytes
	maxProperties = 10
	maxText       = 255 // characters of a name or a value
	maxLevels     = 5
)

// propertyName is how a member of authorization_details may be called.
var propertyName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,255}$`)

// auth0Details are what the product says about authorization_details: the type is to be
// registered at the API, and the rest is the API's, within limits.
func auth0Details(p *refop.Plan, set Settings) {
	reword(p, refop.CheckDetails, func(err *refop.OAuthError) {
		if err.Description == refop.UnknownType {
			err.Code = set[unknownType]
		}
	})
	if set[detailsLimits] == "off" {
		return
	}
	list := p.Rules.DetailsList
	p.Rules.DetailsList = func(c *refop.Call, objects []any) ([]any, *refop.OAuthError) {
		if why := beyondLimits(c.Value("authorization_details"), objects); why != "" {
			return nil, refop.Refusal("invalid_authorization_details", why)
		}
		return list(c, objects)
	}
}

// beyondLimits says what is too much, empty for nothing.
func beyondLimits(text string, objects []any) string {
	switch {
	case len(text) > maxDetails:
		return "authorization_details are longer than 5 kB"
	case len(objects) > maxObjects:
		return "authorization_details have more than 5 objects"
	}
	for _, object := range objects {
		if why := deep(object, 1); why != "" {
			return why
		}
	}
	return ""
}

func deep(value any, level int) string {
	switch v := value.(type) {
	case map[string]any:
		if level > maxLevels {
			return "an object of authorization_details is nested more than 5 levels deep"
		}
		if len(v) > maxProperties {
			return "an object of authorization_details has more than 10 properties"
		}
		for name, member := range v {
			if !propertyName.MatchString(name) {
				return "a property of authorization_details has a name with other characters than a-z, A-Z, 0-9, _, . and -, or too long a one"
			}
			if why := deep(member, level+1); why != "" {
				return why
			}
		}
	case []any:
		if level > maxLevels {
			return "an object of authorization_details is nested more than 5 levels deep"
		}
		for _, item := range v {
			if why := deep(item, level+1); why != "" {
				return why
			}
		}
	case string:
		return tooLong(v)
	case json.Number:
		return tooLong(v.String())
	}
	return ""
}

func tooLong(text string) string {
	if len([]rune(text)) > maxText {
		return "a value in authorization_details is longer than 255 characters"
	}
	return ""
}

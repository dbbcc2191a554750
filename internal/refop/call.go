package refop

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// maxForm is the longest body that is read, in bytes.
const maxForm = 64 << 10

// Call is one request on its way through an endpoint. What the checks find out is
// kept in it for those that follow.
type Call struct {
	OP       *OP
	Endpoint Endpoint
	Request  *http.Request
	Form     map[string][]string
	Now      time.Time // when the request came, or when a held poll went on

	Client    *Client       // who calls, once the client is known; that it is proven is another matter
	Assertion jose.Token    // the client assertion, once it is decoded
	Signed    jose.Token    // the signed request, once it is decoded
	Hint      jose.Token    // the login_hint_token or id_token_hint, once it is decoded
	User      *User         // whom the hint names
	Audience  string        // identifier of the API that is asked for; empty for none
	Expiry    time.Duration // of the flow to be begun
	Details   []any         // authorization_details, asked for or granted
	Flow      *Flow         // what the answer is about; nil where there is none
	Grant     *Grant        // the refresh token that is used

	RefreshToken string // that was issued for the answer; empty for none

	badForm *OAuthError // what is wrong with the body
}

// Value is the first value of a form parameter, empty when it was not sent.
func (c *Call) Value(name string) string {
	if v := c.Form[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has reports whether a form parameter was sent.
func (c *Call) Has(name string) bool { return c.Form[name] != nil }

// readForm reads the body. What is wrong with it is told by the form check, when
// the endpoint runs its table.
func (c *Call) readForm(w http.ResponseWriter) {
	c.Form = map[string][]string{}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Request.Body, maxForm))
	if err != nil {
		c.badForm = &OAuthError{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "the request is too large"}
		return
	}
	rules := c.OP.Rules()
	values, bad := rules.ParseForm(c, c.media(), body)
	if bad != nil {
		c.badForm = bad
		return
	}
	c.Form = values
	for name, v := range c.Form {
		if len(v) == 1 && v[0] == "" && rules.EmptyIsAbsent(name) {
			delete(c.Form, name)
		}
	}
}

// media is the media type of the request, without its parameters.
func (c *Call) media() string {
	media, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	return media
}

// UnreadableForm is how a form is refused that is none.
const UnreadableForm = "the form cannot be read"

func parseForm(_ *Call, media string, body []byte) (url.Values, *OAuthError) {
	if media != "application/x-www-form-urlencoded" && len(body) > 0 {
		return nil, Refusal("invalid_request", "the body has to be application/x-www-form-urlencoded")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, Refusal("invalid_request", UnreadableForm)
	}
	return values, nil
}

func emptyIsAbsent(string) bool { return true }

func repeated(_ string, values []string) bool { return len(values) > 1 }

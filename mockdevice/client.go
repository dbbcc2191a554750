package mockdevice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client drives a device in another process through its HTTP API, with the words of
// [Device].
type Client struct {
	URL          string            // of the device, without a path
	Token        string            // empty: it asks for none
	RoundTripper http.RoundTripper // nil: http.DefaultTransport
}

// Receive asks the device's user, as an OP would.
func (c *Client) Receive(ctx context.Context, r Request) error {
	return c.call(ctx, http.MethodPost, "/v1/requests", r, nil)
}

// Requests are the newest requests that match, oldest of them first.
func (c *Client) Requests(ctx context.Context, f Filter) ([]Request, error) {
	var list struct{ Requests []Request }
	err := c.call(ctx, http.MethodGet, "/v1/requests?"+f.query().Encode(), nil, &list)
	return list.Requests, err
}

// Find is the request with an auth_req_id, or [ErrUnknown].
func (c *Client) Find(ctx context.Context, authReqID string) (Request, error) {
	var r Request
	err := c.call(ctx, http.MethodGet, "/v1/requests/"+url.PathEscape(authReqID), nil, &r)
	return r, err
}

// Wait returns the first request that matches, as soon as there is one.
func (c *Client) Wait(ctx context.Context, f Filter) (Request, error) {
	q := f.query()
	if until, ok := ctx.Deadline(); ok {
		q.Set("timeout", min(max(time.Until(until), 0), maxWait).String())
	} else {
		q.Set("timeout", maxWait.String())
	}
	var r Request
	err := c.call(ctx, http.MethodGet, "/v1/requests/wait?"+q.Encode(), nil, &r)
	return r, err
}

// Decide decides and returns when the OP was told. Its errors are those of
// [Device.Decide].
func (c *Client) Decide(ctx context.Context, authReqID string, d Decision) error {
	return c.call(ctx, http.MethodPost, "/v1/requests/"+url.PathEscape(authReqID)+"/decision", d, nil)
}

// SetRules replaces the policy by the text of a policy file.
func (c *Client) SetRules(ctx context.Context, text string) error {
	return c.call(ctx, http.MethodPut, "/v1/policy", json.RawMessage(text), nil)
}

// Counters are what the device has done so far.
func (c *Client) Counters(ctx context.Context) (n Counters, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/counters", nil, &n)
	return n, err
}

// Reset has the device forget all requests.
func (c *Client) Reset(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/reset", nil, nil)
}

// Pause has policies wait until [Client.Resume].
func (c *Client) Pause(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/pause", nil, nil)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/resume", nil, nil)
}

// call makes one request. A body that is raw is sent as it is.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	data, isRaw := body.(json.RawMessage)
	if !isRaw && body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("device: %w", err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	transport := c.RoundTripper
	if transport == nil {
		transport = http.DefaultTransport
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("device: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return fmt.Errorf("device: %w", err)
	case resp.StatusCode/100 != 2:
		return refusalOf(resp.StatusCode, text)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the device's answer cannot be read: %w", err)
	}
	return nil
}

// refusalOf is the error the device meant, as far as callers tell errors apart.
func refusalOf(status int, text []byte) error {
	var told struct {
		Error    string
		Problems []string
	}
	_ = json.Unmarshal(text, &told)
	for _, known := range []error{ErrUnknown, ErrDecided, ErrExpired, ErrConflict} {
		if told.Error == known.Error() {
			return known
		}
	}
	if len(told.Problems) > 0 {
		return errors.New(strings.Join(told.Problems, "\n"))
	}
	return fmt.Errorf("the device answers %d: %.300s", status, told.Error)
}

// maxAnswer bounds an answer of the device, in bytes. A page of its list is far below it.
const maxAnswer = 64 << 20

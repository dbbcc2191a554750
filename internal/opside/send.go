package opside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/smtp"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// Domain is where the addresses of people are, whose names are their login_hints.
const Domain = "example.com"

// Mail sends notices through a mail server, as text and as HTML.
func Mail(server string) func(Notice) error {
	return func(n Notice) error {
		to := n.LoginHint + "@" + Domain
		return smtp.SendMail(server, nil, "op@"+Domain, []string{to}, Compose(n, to))
	}
}

// Compose writes a notice as a mail of RFC 5322 with two alternatives.
func Compose(n Notice, to string) []byte {
	lines := []string{
		n.ClientID + " asks for your approval.", "Message: " + n.BindingMessage, "It may: " + n.Scope,
		"Exactly: " + string(details(n)),
	}
	var page strings.Builder
	for _, line := range lines {
		page.WriteString("<p>" + html.EscapeString(line) + "</p>\n")
	}
	page.WriteString(`<p><a href="` + html.EscapeString(n.Link) + `">Answer</a> <a href="https://ads.example/?utm=1">Our app</a></p>`)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, part := range []struct{ media, text string }{
		{"text/plain; charset=utf-8", strings.Join(lines, "\r\n") + "\r\nAnswer at " + n.Link + "\r\n"},
		{"text/html; charset=utf-8", page.String()},
	} {
		header := textproto.MIMEHeader{"Content-Type": {part.media}, "Content-Transfer-Encoding": {"quoted-printable"}}
		at, _ := w.CreatePart(header) // a buffer takes everything
		encoder := quotedprintable.NewWriter(at)
		_, _ = io.WriteString(encoder, part.text)
		_ = encoder.Close()
	}
	_ = w.Close()
	return append([]byte("From: The OP <op@"+Domain+">\r\nTo: "+to+"\r\nSubject: Please approve\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/alternative; boundary="+w.Boundary()+"\r\n\r\n"), body.Bytes()...)
}

// details are the objects as one array.
func details(n Notice) []byte {
	text, _ := json.Marshal(n.AuthorizationDetails) // came as JSON
	return text
}

// Text sends notices by a gateway for text messages that speaks Twilio's API.
func Text(gateway, account, token string) func(Notice) error {
	return func(n Notice) error {
		form := url.Values{"From": {"+15550100"}, "To": {n.LoginHint}, "Body": {
			fmt.Sprintf("%s asks for %q (%s). Reply YES or NO with %s", n.ClientID, n.BindingMessage, n.Scope, n.Code),
		}}
		req, err := http.NewRequest( //nolint:noctx // ends with its test
			http.MethodPost, gateway+"/2010-04-01/Accounts/"+account+"/Messages.json", strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(account, token)
		return do(req, http.StatusCreated)
	}
}

// Push sends notices by FCM HTTP v1.
func Push(service, project, bearer string) func(Notice) error {
	return func(n Notice) error {
		data := map[string]string{
			"auth_req_id": n.AuthReqID, "link": n.Link, "binding_message": n.BindingMessage, "scope": n.Scope, "user": n.LoginHint,
			"authorization_details": string(details(n)),
		}
		return post(service+"/v1/projects/"+project+"/messages:send", bearer, map[string]any{"message": map[string]any{
			"token": "device-of-" + n.LoginHint, "notification": map[string]string{"title": "Approve?", "body": n.ClientID}, "data": data,
		}})
	}
}

// Hook sends notices to a webhook, with two links that are the answer.
func Hook(address string) func(Notice) error {
	return func(n Notice) error {
		body := "Approve: " + n.Yes + " Deny: " + n.No + " (" + n.BindingMessage + ")"
		return post(address, "", map[string]string{"recipient": n.LoginHint, "body": body})
	}
}

// post sends JSON.
func post(address, bearer string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(text)) //nolint:noctx // ends with its test
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+bearer)
	return do(req, http.StatusOK, http.StatusAccepted)
}

// do makes a request that has to succeed.
func do(req *http.Request, want ...int) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	if slices.Contains(want, resp.StatusCode) {
		return nil
	}
	return errors.New(resp.Status + ": " + string(text))
}

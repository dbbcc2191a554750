package mockdevice

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/mockdevice/inbox"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// listInboxes tells what has become of the messages of each inbox, which is where to look
// when a message does not become a request.
func (d *Device) listInboxes(w http.ResponseWriter, _ *http.Request) {
	list := make([]InboxCounters, len(d.inboxes))
	for i, b := range d.inboxes {
		list[i] = b.counters()
	}
	wire.Answer(w, map[string]any{"inboxes": list})
}

// isShown reports whether a sender shows the secret of an inbox, where it has one.
func (d *Device) isShown(b *mailbox, shown string) bool {
	secret := d.secretOf(b)
	return secret == "" || serve.Same(shown, secret)
}

// bearerOf is the token of RFC 6750, or empty.
func bearerOf(r *http.Request) string {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer
}

// statusOfRefusal is the status that tells why a message was not taken.
func statusOfRefusal(err error) int {
	if errors.Is(err, inbox.ErrBusy) {
		return http.StatusTooManyRequests
	}
	return wire.StatusOf(err)
}

// receiveWebhook takes a message as JSON of any shape.
func (d *Device) receiveWebhook(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(d.inboxes, func(b *mailbox) bool { return b.Road == RoadWebhook && b.Name == r.PathValue("name") })
	if i < 0 {
		wire.Refuse(w, http.StatusNotFound, fmt.Errorf("no inbox for a webhook is named %.40q", r.PathValue("name")))
		return
	}
	b := d.inboxes[i]
	if !d.isShown(b, bearerOf(r)) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		wire.Refuse(w, http.StatusUnauthorized, errors.New("the secret of the inbox is needed as a bearer token"))
		return
	}
	raw, err := io.ReadAll(r.Body)
	var m wire.Message
	if err == nil {
		m, err = b.Pointers.Read(raw)
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	verdict, err := d.takeMessage(b, m)
	if err != nil {
		wire.Refuse(w, statusOfRefusal(err), err)
		return
	}
	if d.playInbound(r.Context(), w, verdict) {
		w.WriteHeader(http.StatusAccepted)
	}
}

// receiveSMS is the Messages resource of Twilio's API: a form, HTTP Basic with the
// account and its token, and an answer of 201 whatever the text says.
func (d *Device) receiveSMS(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	b, ok := d.inboxFor(RoadSMS, account)
	if !ok {
		refuseSMS(w, http.StatusNotFound, 20404, "The requested resource was not found: no inbox takes text messages of this account")
		return
	}
	if name, password, _ := r.BasicAuth(); !d.isShown(b, password) || b.Only != "" && name != account {
		w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
		refuseSMS(w, http.StatusUnauthorized, 20003, "Authenticate: wrong account or token")
		return
	}
	if err := r.ParseForm(); err != nil {
		refuseSMS(w, http.StatusBadRequest, 20001, "the body is no form: "+err.Error())
		return
	}
	m, err := inbox.ReadSMS(r.PostForm)
	if err != nil {
		refuseSMS(w, http.StatusBadRequest, 21600, err.Error())
		return
	}
	verdict, err := d.takeMessage(b, m)
	if err != nil {
		refuseSMS(w, statusOfRefusal(err), 20429, err.Error())
		return
	}
	if d.playInbound(r.Context(), w, verdict) {
		answerSMS(w, account, m)
	}
}

// answerSMS tells that a message is queued, as every text message is at first.
func answerSMS(w http.ResponseWriter, account string, m wire.Message) {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	sid := "SM" + hex.EncodeToString(id)
	writeJSON(w, http.StatusCreated, map[string]any{
		"sid": sid, "account_sid": account, "api_version": "2010-04-01", "status": "queued", "direction": "outbound-api",
		"from": m.From, "to": m.To, "body": m.Text, "num_segments": "1", "num_media": "0", "price": nil, "price_unit": "USD",
		"error_code": nil, "error_message": nil, "messaging_service_sid": nil, "date_sent": nil,
		"date_created": time.Now().UTC().Format(time.RFC1123Z), "date_updated": time.Now().UTC().Format(time.RFC1123Z),
		"uri": "/2010-04-01/Accounts/" + account + "/Messages/" + sid + ".json",
	})
}

// refuseSMS answers in the words of Twilio's API, whose codes are its own.
func refuseSMS(w http.ResponseWriter, status, code int, why string) {
	writeJSON(w, status, map[string]any{
		"code": code, "message": why, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status,
	})
}

// receiveFCM is messages:send of FCM HTTP v1.
func (d *Device) receiveFCM(w http.ResponseWriter, r *http.Request) {
	project := r.PathValue("project")
	b, ok := d.inboxFor(RoadFCM, project)
	if !ok {
		refuseFCM(w, http.StatusNotFound, "no inbox takes push messages of this project")
		return
	}
	if !d.isShown(b, bearerOf(r)) {
		refuseFCM(w, http.StatusUnauthorized, "the secret of the inbox is needed as a bearer token")
		return
	}
	raw, err := io.ReadAll(r.Body)
	var m wire.Message
	if err == nil {
		m, err = inbox.ReadFCM(raw)
	}
	if err != nil {
		refuseFCM(w, http.StatusBadRequest, err.Error())
		return
	}
	verdict, err := d.takeMessage(b, m)
	if err != nil {
		refuseFCM(w, statusOfRefusal(err), err.Error())
		return
	}
	if d.playInbound(r.Context(), w, verdict) {
		writeJSON(w, http.StatusOK, map[string]string{"name": "projects/" + project + "/messages/" + rand.Text()})
	}
}

// statusesOfFCM are the names that Google's APIs have for statuses.
var statusesOfFCM = map[int]string{
	http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusNotFound: "NOT_FOUND",
	http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusServiceUnavailable: "UNAVAILABLE",
}

// refuseFCM answers as Google's APIs do.
func refuseFCM(w http.ResponseWriter, status int, why string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"code": status, "message": why, "status": statusesOfFCM[status]}})
}

// tokenForFCM is the token endpoint that a service account's token_uri names (RFC 7523).
// Assertions are not verified, so it gives nothing away that has to be known.
func (d *Device) tokenForFCM(w http.ResponseWriter, _ *http.Request) {
	for _, b := range d.inboxes {
		if b.Road == RoadFCM && d.secretOf(b) != "" {
			wire.Refuse(w, http.StatusForbidden, errors.New("this inbox has a secret; show that as the bearer token"))
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600})
}

// writeJSON answers in a shape that is not ours.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

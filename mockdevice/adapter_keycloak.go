package mockdevice

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// receiveKeycloak takes what Keycloak's HTTP authentication channel sends. It
// wants 201; the bearer token identifies the request and comes back with the
// decision. It is a secret, so the request is known by its digest. The device's own token
// has no place left but the query of the URL that Keycloak is configured with.
func (d *Device) receiveKeycloak(w http.ResponseWriter, r *http.Request) {
	switch {
	case d.token != "" && !serve.Same(r.URL.Query().Get("token"), d.token):
		wire.Refuse(w, http.StatusForbidden, errors.New("the device's token is missing: Keycloak's channel URL has to end in ?token=TOKEN"))
		return
	case d.adapters.Keycloak.Callback == "":
		wire.Refuse(w, http.StatusNotFound, errors.New("no keycloak adapter is configured, which says where decisions go"))
		return
	}
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || bearer == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		wire.Refuse(w, http.StatusUnauthorized, errors.New("the channel's bearer token is missing"))
		return
	}
	request, err := readKeycloak(r)
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	request.AuthReqID = "keycloak-" + wire.KeyOf(bearer).String()
	request.Callback, request.CallbackToken = d.adapters.Keycloak.Callback, bearer
	request.ExpiresAt = expiryOf(bearer)
	if d.take(w, r, request, adapterKeycloak, keycloakOutlet) {
		w.WriteHeader(http.StatusCreated)
	}
}

// readKeycloak reads the body. Parameters the channel does not know were forwarded
// from the client's request, authorization_details among them, as text. What a client
// sends there may be anything; as a refusal of the device would become a 503 of Keycloak,
// it is kept as a label where it is no array of objects.
func readKeycloak(r *http.Request) (Request, error) {
	var members map[string]json.RawMessage
	if err := wire.Decode(r.Body, &members); err != nil {
		return Request{}, err
	}
	request := Request{Labels: map[string]string{}}
	known := map[string]*string{
		"login_hint": &request.LoginHint, "scope": &request.Scope, "binding_message": &request.BindingMessage, "acr_values": &request.ACRValues,
	}
	for name, raw := range members {
		var text string
		isText := json.Unmarshal(raw, &text) == nil
		details := raw
		if isText {
			details = json.RawMessage(text)
		}
		switch at := known[name]; {
		case at != nil && !isText:
			return Request{}, fmt.Errorf("%s is not a string", name)
		case at != nil:
			*at = text
		case name == "authorization_details" && isDetails(details):
			request.AuthorizationDetails = details
		case isText:
			request.Labels[name] = text
		default:
			request.Labels[name] = string(raw)
		}
	}
	if request.LoginHint == "" {
		return Request{}, errors.New("login_hint is missing")
	}
	return request, nil
}

func isDetails(raw json.RawMessage) bool {
	_, err := wire.ParseDetails(raw)
	return err == nil
}

// expiryOf reads when a JWT expires; zero if it does not say. Nothing depends on the
// token being genuine, so its signature is not looked at.
func expiryOf(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}

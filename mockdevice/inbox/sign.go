package inbox

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature is HMAC with SHA-1
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Signature is X-Twilio-Signature, by which a server knows that a text message came in by
// its gateway: HMAC-SHA1 under the account's token over the address it is posted to and
// each field of the form with its value, sorted by name.
func Signature(token, address string, form url.Values) string {
	var signed strings.Builder
	signed.WriteString(address)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			signed.WriteString(name + value)
		}
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(signed.String()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

package mockdevice

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// explain says what the policy would make of a request.
func (d *Device) explain(w http.ResponseWriter, r *http.Request) {
	var request Request
	err := wire.Decode(r.Body, &request)
	if err == nil && request.AuthReqID == "" {
		request.AuthReqID = "explained"
	}
	if err == nil {
		err = request.Check()
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	rules := d.rules.Load()
	if rules == nil {
		wire.Refuse(w, http.StatusNotFound, errNoRules)
		return
	}
	wire.Answer(w, rules.Explain(request))
}

// errNoRules is told where only a policy file can be shown or explained.
var errNoRules = errors.New("the device follows no policy file; PUT one to /v1/policy")

// showPolicy answers the text of the policy file, comments included.
func (d *Device) showPolicy(w http.ResponseWriter, _ *http.Request) {
	rules := d.rules.Load()
	if rules == nil {
		wire.Refuse(w, http.StatusNotFound, errNoRules)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(rules.Source())
}

// replacePolicy takes a new policy file for requests to come, or tells all its mistakes
// and changes nothing.
func (d *Device) replacePolicy(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	rules, err := policy.Parse("policy", text)
	if err != nil {
		var problems yamlfile.Problems
		_ = errors.As(err, &problems)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": "the policy has mistakes", "problems": problems.Lines()})
		return
	}
	d.SetRules(rules)
	w.WriteHeader(http.StatusNoContent)
}

package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// Badge writes the verdict in the shape of a shields.io endpoint.
func Badge(w io.Writer, run result.Run) error {
	d := newDigest(inert(run))
	colors := map[result.Verdict]string{
		result.Conformant: "brightgreen", result.NonConformant: "red", result.Partial: "yellow",
	}
	color := colors[d.tone()]
	if color == "" {
		color = "lightgrey"
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		SchemaVersion int    `json:"schemaVersion"`
		Label         string `json:"label"`
		Message       string `json:"message"`
		Color         string `json:"color"`
		IsError       bool   `json:"isError,omitempty"`
	}{1, "CIBA", badgeMessage(d), color, d.tone() == result.NonConformant})
}

// badgeMessage is the verdict with the profiles that it speaks of and what it rests on, as a
// badge has no other place to say that a run was partial or long ago.
func badgeMessage(d digest) string {
	scope := d.coverage()
	if d.Summary.Fail > 0 {
		scope = fmt.Sprintf("%d of %d cases fail", d.Summary.Fail, len(d.Cases))
	}
	verdict := d.verdictWord()
	if stated := d.stated(); len(stated) > 0 {
		verdict += ": " + strings.Join(stated, ", ")
	}
	return fmt.Sprintf("%s (%s, %s)", verdict, scope, d.Started.UTC().Format("2006-01-02"))
}

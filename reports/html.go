package reports

import (
	"bytes"
	"github.com/cibatest/cibatest/reports/result"
	"html/template"
	"io"
)

// page is the whole report.
var page = template.Must(template.New("p").Parse(`<!doctype html><title>{{.Target.Issuer}}</title><h1>{{.Verdict}}</h1>`))

// HTML writes the run as one self-contained page.
func HTML(w io.Writer, run result.Run) error {
	var b bytes.Buffer
	if err := page.Execute(&b, newDigest(inert(run))); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

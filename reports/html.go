package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/cibatest/cibatest/reports/result"
)

var (
	//go:embed templates/report.html
	pageText string
	//go:embed templates/report.css
	pageStyle string
	//go:embed templates/report.js
	pageScript string

	report = template.Must(template.New("report").Funcs(template.FuncMap{"word": word, "caseAnchor": caseAnchor}).Parse(pageText))
)

// HTML writes the run as one self-contained page. Its policy allows the page's
// one style and one script by their hashes and nothing else, so text that got
// past the escaping still could not act.
func HTML(w io.Writer, run result.Run) error {
	v := newView(newDigest(inert(run)))
	v.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		hash(pageStyle), hash(pageScript))
	v.Style = template.HTML("<style>" + pageStyle + "</style>")     //nolint:gosec // our own file
	v.Script = template.HTML("<script>" + pageScript + "</script>") //nolint:gosec // our own file
	var b bytes.Buffer
	if err := report.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// word is how the page calls an outcome.
func word(o result.Outcome) string {
	if o == result.Error {
		return "not judged"
	}
	return string(o)
}

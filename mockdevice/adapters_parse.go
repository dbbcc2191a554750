package mockdevice

import (
	"bytes"
	_ "embed" // the schema and the example
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

//go:embed examples/adapters.yaml
var exampleAdapters []byte

// ExampleAdapters is an adapter file with everything there is, explained line by line.
func ExampleAdapters() []byte { return bytes.Clone(exampleAdapters) }

//go:embed adapters.schema.json
var adaptersSchema []byte

// adapterFile may take secrets from outside: only the person who runs the device writes one.
var adapterFile = yamlfile.Kind{
	Schema: yamlfile.NewSchema(adaptersSchema),
	Expand: true,
	Empty:  `"cibatest device example adapters" prints one to start from`,
}

// AdaptersSchema is the JSON Schema of adapter files, for editors and other tools.
func AdaptersSchema() []byte { return adapterFile.Schema.Document() }

// LoadAdapters reads an adapter file. Mistakes in it are [yamlfile.Problems].
func LoadAdapters(path string) (Adapters, error) {
	file, err := adapterFile.Load(path, yamlfile.Env{})
	if err != nil {
		return Adapters{}, err
	}
	return readAdapters(file)
}

// ParseAdapters reads the text of an adapter file, as [ExampleAdapters] shows it; name
// is for messages, and the place that relative paths start from. An error is of type
// [yamlfile.Problems].
func ParseAdapters(name string, text []byte) (Adapters, error) {
	return readAdapters(adapterFile.Parse(name, text, yamlfile.Env{}))
}

// readAdapters reads whatever fits, so that all mistakes are told at once.
func readAdapters(file *yamlfile.File) (Adapters, error) {
	root := file.Root()
	var a Adapters
	a.Keycloak.Callback = readURL(root.At("keycloak").At("callback"))
	a.Authlete.Callback = readURL(root.At("authlete").At("callback"))
	a.ApprovalURL = readTemplate(root.At("approval_url"))
	for _, item := range root.At("generic").Items() {
		g := readGeneric(item)
		if slices.ContainsFunc(a.Generic, func(other Generic) bool { return other.Name == g.Name }) {
			item.At("name").Wrong("%q names another adapter already", g.Name)
		}
		a.Generic = append(a.Generic, g)
	}
	for _, item := range root.At("pull").Items() {
		a.Pull = append(a.Pull, readPull(item))
	}
	a.Inboxes = readInboxes(root.At("inboxes"))
	return a, file.Err()
}

// readURL reads a URL, which may be a template.
func readURL(at yamlfile.Place) string {
	text := at.Text()
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(text))
	if at.Exists() && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		at.Wrong("is %s; wanted an absolute http or https URL", at.Shown())
	}
	return text
}

// readTemplate is nil where the file has none.
func readTemplate(at yamlfile.Place) *Template {
	if !at.Exists() {
		return nil
	}
	t := &Template{
		Method: textOr(at.At("method"), http.MethodPost), URL: readURL(at.At("url")), Headers: map[string]string{},
		Body: at.At("body").Text(), Words: readWords(at.At("words")),
	}
	for _, header := range at.At("headers").Members() {
		if !headerName.MatchString(header.Name()) || strings.ContainsAny(header.Text(), "\r\n") {
			header.Wrong("not an HTTP header")
		}
		t.Headers[header.Name()] = header.Text()
	}
	return t
}

// headerName is a token of RFC 9110, 5.6.2.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// textOr is the text of a place, or a default where there is none.
func textOr(at yamlfile.Place, otherwise string) string {
	if text := at.Text(); text != "" {
		return text
	}
	return otherwise
}

// readWords is nil where the file has none, and then the defaults of [Template] hold.
func readWords(at yamlfile.Place) map[Action]string {
	if !at.Exists() {
		return nil
	}
	words := map[Action]string{}
	for _, m := range at.Members() {
		words[Action(m.Name())] = m.Text()
	}
	return words
}

// readMapping reads JSON pointers. One that the file leaves out stays nil and is not followed.
func readMapping(at yamlfile.Place) Mapping {
	m := Mapping{
		ID: readPointer(at.At("id")), User: readPointer(at.At("user")), Client: readPointer(at.At("client")),
		Message: readPointer(at.At("message")), Scope: readPointer(at.At("scope")), ACR: readPointer(at.At("acr")),
		Details: readPointer(at.At("details")), ExpiresAt: readPointer(at.At("expires_at")), ExpiresIn: readPointer(at.At("expires_in")),
		Callback: readPointer(at.At("callback")), CallbackToken: readPointer(at.At("callback_token")), Labels: map[string]tree.Pointer{},
	}
	for _, label := range at.At("labels").Members() {
		m.Labels[label.Name()] = readPointer(label)
	}
	return m
}

func readPointer(at yamlfile.Place) tree.Pointer {
	p, err := tree.ParsePointer(at.Text())
	if err != nil {
		at.Wrong("%v", err)
	}
	return p
}

// readGeneric reads a webhook. With sync its answer carries the decision, so nothing else may.
func readGeneric(at yamlfile.Place) Generic {
	g := Generic{
		Name: readName(at.At("name")), Mapping: readMapping(at.At("map")), Answer: readAnswer(at.At("answer")),
		Sync: readDuration(at.At("sync"), 0), Out: readTemplate(at.At("decision")),
	}
	if g.Sync > 0 && g.Out != nil {
		at.Wrong("with sync the answer carries the decision; leave decision out")
	}
	return g
}

// readName keeps a dialect of the file from posing as a built-in one in audits and policies.
func readName(at yamlfile.Place) string {
	name := at.Text()
	if slices.Contains([]string{adapterNative, adapterKeycloak, adapterAuthlete}, name) {
		at.Wrong("is %s; wanted a name of its own in lower case letters, digits and dashes", at.Shown())
	}
	return name
}

// readAnswer is 202 without a body where the file says nothing.
func readAnswer(at yamlfile.Place) Answer {
	a := Answer{
		Status: http.StatusAccepted, ContentType: textOr(at.At("content_type"), "application/json"),
		Body: at.At("body").Text(), Words: readWords(at.At("words")),
	}
	if status := at.At("status"); status.Exists() {
		a.Status = int(status.Int())
	}
	return a
}

// shortestPause keeps the polling of a queue from becoming an attack.
const shortestPause = 10 * time.Millisecond

// readPull reads a queue, which is asked every second unless the file says otherwise.
func readPull(at yamlfile.Place) Pull {
	p := Pull{
		Name: readName(at.At("name")), Every: max(readDuration(at.At("every"), time.Second), shortestPause),
		Items: readPointer(at.At("items")), Mapping: readMapping(at.At("map")), Out: readTemplate(at.At("decision")),
	}
	if ask := readTemplate(at.At("ask")); ask != nil {
		p.Ask = *ask
	}
	return p
}

// readDuration is a default where the file has none.
func readDuration(at yamlfile.Place, otherwise time.Duration) time.Duration {
	if !at.Exists() {
		return otherwise
	}
	return at.Duration(wire.MaxLife)
}

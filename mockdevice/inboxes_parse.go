package mockdevice

import (
	"crypto/tls"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/browse"
	"github.com/cibatest/cibatest/mockdevice/inbox"
)

// readInboxes reads the inboxes of an adapter file, each under a name of its own.
func readInboxes(at yamlfile.Place) (all []Inbox) {
	for _, item := range at.Items() {
		b := readInbox(item)
		if slices.ContainsFunc(all, func(other Inbox) bool { return other.Name == b.Name }) {
			item.At("name").Wrong("%q names another inbox already", b.Name)
		}
		all = append(all, b)
	}
	return all
}

// readInbox reads one. It has one road in, and one out.
func readInbox(at yamlfile.Place) Inbox {
	b := Inbox{
		Name: readName(at.At("name")), Most: int(at.At("most").Int()), Link: readLink(at.At("link")), Reply: readTemplate(at.At("reply")),
	}
	readRoad(at, &b)
	if (b.Link == nil) == (b.Reply == nil) {
		at.Wrong("wanted link or reply, and not both: the way a decision is told")
	}
	if reply := at.At("reply").At("url"); reply.Exists() && hasOpenHost(reply.Text()) {
		reply.Wrong("has a placeholder in its host, which the sender of a message could fill; write the host out")
	}
	b.Rules = inbox.Rules{Find: map[string]*regexp.Regexp{}, User: map[string]string{}, Life: readDuration(at.At("expires_in"), 0)}
	for _, find := range at.At("find").Members() {
		if !findName.MatchString(find.Name()) {
			find.WrongName("%.40q is no name; wanted lower case letters, digits and low lines, as templates write them", find.Name())
		}
		b.Rules.Find[find.Name()] = readPattern(find)
	}
	for _, user := range at.At("users").Members() {
		b.Rules.User[strings.ToLower(user.Name())] = user.Text()
	}
	readNeeds(at, &b)
	return b
}

// findName is what a placeholder of a template may name.
var findName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// readRoad reads how messages come.
func readRoad(at yamlfile.Place, b *Inbox) {
	var said []string
	for _, road := range []Road{RoadMail, RoadSMS, RoadFCM, RoadWebhook} {
		if at.At(string(road)).Exists() {
			b.Road = road
			said = append(said, string(road))
		}
	}
	if len(said) != 1 {
		at.Wrong("has %d of smtp, sms, fcm and webhook; wanted one, which says how messages come", len(said))
		return
	}
	road := at.At(string(b.Road))
	b.Secret = road.At("secret").Text()
	b.Listen = road.At("listen").Text()
	b.Only = road.At("account").Text() + road.At("project").Text() // of which a road has one
	if certificate := road.At("tls"); certificate.Exists() {
		b.TLS, b.Forced = readCertificate(certificate), certificate.At("required").Bool()
	}
	b.Pointers = inbox.Pointers{
		From: readPointer(road.At("from")), To: readPointer(road.At("to")), Subject: readPointer(road.At("subject")),
	}
	if text := road.At("text"); text.Exists() {
		b.Pointers.Text = readPointer(text)
	}
}

// readCertificate reads a certificate with its key.
func readCertificate(at yamlfile.Place) *tls.Certificate {
	pair, err := tls.X509KeyPair([]byte(at.At("cert").Text()), []byte(at.At("key").Text()))
	if err != nil {
		at.Wrong("cert and key are no pair in PEM: %v", err)
	}
	return &pair
}

// readPattern is nil where the file has none, or a wrong one.
func readPattern(at yamlfile.Place) *regexp.Regexp {
	if !at.Exists() {
		return nil
	}
	pattern, err := regexp.Compile(at.Text())
	if err != nil {
		at.Wrong("is no regular expression: %v", err)
		return regexp.MustCompile("$.") // finds nothing, until the mistake is mended
	}
	return pattern
}

// readLink is nil where the file has none.
func readLink(at yamlfile.Place) *Link {
	if !at.Exists() {
		return nil
	}
	l := &Link{
		Open: readWords(at.At("open")), Press: readWords(at.At("press")), Words: readWords(at.At("words")),
		Fill: readFields(at.At("fill")), Login: readFields(at.At("login")),
		Scopes: at.At("scopes").Text(), Details: at.At("details").Text(), Done: readPattern(at.At("done")),
	}
	for _, item := range at.At("origins").Items() {
		origin, err := browse.ParseOrigin(item.Text())
		if err != nil {
			item.Wrong("is %s; %v", item.Shown(), err)
		}
		l.Origins = append(l.Origins, origin)
	}
	if l.Open[Deny] == "" && (len(l.Press) == 0 || l.Press[Approve] == l.Press[Deny]) && len(l.Fill) == 0 {
		at.Wrong("approves and denies in one and the same way; say in press, open or fill how they differ")
	}
	return l
}

// readFields are the values of a form's fields.
func readFields(at yamlfile.Place) map[string]string {
	fields := map[string]string{}
	for _, field := range at.Members() {
		fields[field.Name()] = field.Text()
	}
	return fields
}

// readNeeds works out what a message must hold to be a request: what its decision goes by.
func readNeeds(at yamlfile.Place, b *Inbox) {
	needs := map[string]bool{}
	if b.Link != nil {
		for _, action := range []Action{Approve, Deny} {
			find := firstFind
			if other := ofAction(b.Link.Open, action); other != "" {
				find = other
			}
			needs[find] = true
		}
	}
	if b.Reply != nil {
		for _, find := range placeholder.FindAllStringSubmatch(b.Reply.URL+b.Reply.Body, -1) {
			if name, ok := strings.CutPrefix(find[1], "label:"); ok && name != "from" && name != "to" {
				needs[name] = true
			}
		}
		if _, ok := b.Rules.Find["id"]; len(needs) == 0 && ok {
			needs["id"] = true
		}
	}
	b.Rules.Need = slices.Sorted(maps.Keys(needs))
	b.Rules.Key = b.Rules.Need
	for _, name := range b.Rules.Need {
		if _, ok := b.Rules.Find[name]; !ok {
			at.At("find").Wrong("has no pattern %s, which the way of the decision needs", name)
		}
	}
	if len(needs) == 0 && b.Reply != nil {
		at.At("reply").Wrong("holds nothing of the message, such as {label:code} or {auth_req_id} with a pattern id, " +
			"so no OP could tell what it answers")
	}
}

// hasOpenHost reports whether a template leaves its host to what fills it.
func hasOpenHost(template string) bool {
	_, rest, _ := strings.Cut(template, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return strings.ContainsAny(host, "{}")
}

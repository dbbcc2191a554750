package preflight

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Piece is something that a target file lacks, and that would have more judged.
type Piece struct {
	Name  string // "a client with private_key_jwt"
	Parts []Part // never empty

	add func(*targetfile.Target)
}

// Part is the text of a piece under one key of the target file.
type Part struct {
	Key   string   // of the top level: "clients"
	Lines []string // YAML, indented as below the key without the first two spaces
}

// With are the facts as they would be with a piece, as far as can be told without asking
// the OP again. What was learnt of it otherwise still holds.
func (f *Facts) With(p Piece) *Facts {
	target := *f.Target
	target.Clients, target.Users = slices.Clone(target.Clients), slices.Clone(target.Users)
	p.add(&target)
	with := &Facts{Target: &target, Discovery: f.Discovery, named: f.named, expiresIn: f.expiresIn}
	with.Capabilities = with.capabilities()
	known := f.capabilities()
	for need, learnt := range f.Capabilities {
		if learnt != known[need] {
			with.Capabilities[need] = learnt
		}
	}
	if f.expiresIn <= target.Budgets.ExpiryMax {
		with.Capabilities[catalogue.NeedShortExpiry] = known[catalogue.NeedShortExpiry]
	}
	return with
}

// Pieces are what the target file lacks and the OP may take, in the order of the keys of a
// target file. Whether cases wait for a piece is for the caller to find out.
func (f *Facts) Pieces() []Piece {
	var list []Piece
	for _, pieces := range []func(*Facts) []Piece{
		methodPieces, secondClientPiece, modePieces, specialClientPieces, signingPieces, userCodePiece, userPieces, rarPieces,
		approvalPieces, budgetPieces,
	} {
		list = append(list, pieces(f)...)
	}
	return list
}

// methodPieces are clients that authenticate by a method which no client has.
func methodPieces(f *Facts) []Piece {
	var list []Piece
	for _, method := range authMethods {
		has := func(c targetfile.Client) bool { return ordinaryPoll(c) && c.AuthMethod == method }
		if f.takes(method) && !slices.ContainsFunc(f.Target.Clients, has) {
			list = append(list, f.clientPiece("a client with "+method, targetfile.Client{
				Name: strings.ReplaceAll(method, "_", "-"), AuthMethod: method, CIBA: true,
			}))
		}
	}
	return list
}

// takes reports whether the OP offers a method, or does not say which it offers.
func (f *Facts) takes(method string) bool {
	offered := f.Discovery.Strings("token_endpoint_auth_methods_supported")
	return len(offered) == 0 || slices.Contains(offered, method)
}

// anyMethod is the method of the first ordinary client or, without one, the simplest that
// the OP offers.
func (f *Facts) anyMethod() string {
	if ordinary := OrdinaryClients(f.Target.Clients, targetfile.DeliveryPoll); len(ordinary) > 0 {
		return ordinary[0].AuthMethod
	}
	return firstOf(f.Discovery.Strings("token_endpoint_auth_methods_supported"), authMethods...)
}

func secondClientPiece(f *Facts) []Piece {
	if len(choose(f.Target.Clients, ordinaryPoll)) != 1 {
		return nil
	}
	return []Piece{f.clientPiece("a second client", targetfile.Client{Name: "second", AuthMethod: f.anyMethod(), CIBA: true})}
}

// modePieces are clients for ping and push where the OP offers these, and the address that
// it calls them at.
func modePieces(f *Facts) []Piece {
	var list []Piece
	for _, mode := range []string{targetfile.DeliveryPing, targetfile.DeliveryPush} {
		has := func(c targetfile.Client) bool { return Ordinary(c) && c.DeliveryMode == mode }
		received, _ := callbacksAreReceived(f)
		offered, _ := modeOffered(mode)(f)
		if !offered || received && slices.ContainsFunc(f.Target.Clients, has) {
			continue
		}
		piece := f.clientPiece("a client for "+mode+", and an address that the OP calls it at", targetfile.Client{
			Name: mode, AuthMethod: f.anyMethod(), CIBA: true, DeliveryMode: mode,
		})
		if slices.ContainsFunc(f.Target.Clients, has) {
			piece = Piece{Name: "an address that the OP calls clients for " + mode + " at", add: func(*targetfile.Target) {}}
		}
		if !received {
			addClient := piece.add
			piece.Parts = append(piece.Parts, Part{"notifications", []string{
				"listen: \"127.0.0.1:9004\"   # public_url and tls where the OP is on another machine",
			}})
			piece.add = func(t *targetfile.Target) {
				addClient(t)
				t.Notifications.Listen = "127.0.0.1:9004"
			}
		}
		list = append(list, piece)
	}
	return list
}

// specialClientPieces are the clients that the OP has to treat differently.
func specialClientPieces(f *Facts) []Piece {
	method := f.anyMethod()
	list := []Piece{
		f.clientPiece("a public client", targetfile.Client{Name: "public", AuthMethod: targetfile.AuthNone}),
		f.clientPiece("a client that is not registered for CIBA", targetfile.Client{Name: "no-ciba", AuthMethod: method}),
		f.clientPiece("a client whose requests a policy of the OP denies", targetfile.Client{
			Name: "denied", AuthMethod: method, CIBA: true, PolicyDenied: true,
		}),
	}
	if slices.Contains(f.Discovery.Strings("subject_types_supported"), "pairwise") {
		list = append(list, f.clientPiece("two clients with pairwise subjects",
			targetfile.Client{Name: "pairwise-a", AuthMethod: method, CIBA: true, SubjectType: "pairwise", Sector: "a.example"},
			targetfile.Client{Name: "pairwise-b", AuthMethod: method, CIBA: true, SubjectType: "pairwise", Sector: "b.example"}))
	}
	if types := f.Target.RAR.Types; len(types) > 1 && !slices.ContainsFunc(types, func(s string) bool { return !literal(s) }) {
		list = append(list, f.clientPiece("a client that may use some types of authorization_details only", targetfile.Client{
			Name: "some-types", AuthMethod: method, CIBA: true, RARTypes: types[:1],
		}))
	}
	if f.Target.Endpoints.Introspection != "" {
		list = append(list, f.clientPiece("a resource server that may introspect", targetfile.Client{
			Name: "resource-server", AuthMethod: method, Purpose: targetfile.PurposeResourceServer,
		}))
	}
	return list
}

// signingPieces are clients that sign their requests, where the OP offers that: two, so that one
// can play the stranger, and one whose keys can be changed.
func signingPieces(f *Facts) []Piece {
	algs := f.requestAlgs()
	if len(algs) == 0 {
		return nil
	}
	signer := func(name string) targetfile.Client {
		return targetfile.Client{Name: name, AuthMethod: f.anyMethod(), CIBA: true, RequestSigningAlg: algs[0]}
	}
	var list []Piece
	if !slices.ContainsFunc(f.Target.Clients, isSigner) {
		list = append(list, f.clientPiece("two clients that sign their requests", signer("signed-a"), signer("signed-b")))
	}
	hosted := func(c targetfile.Client) bool { return readsKeysHere(f.Target, c) }
	if received, _ := callbacksAreReceived(f); received && !slices.ContainsFunc(f.Target.Clients, hosted) {
		client := signer("signed-hosted")
		client.JWKSURI = baseOf(f.Target.Notifications) + "/keys"
		list = append(list, f.clientPiece("a client whose keys the OP reads at the address of notifications", client))
	}
	return list
}

// baseOf is the address that callbacks are received at, as the OP reaches it.
func baseOf(n targetfile.Notifications) string {
	switch {
	case n.PublicURL != "":
		return strings.TrimSuffix(n.PublicURL, "/")
	case n.TLS.CertFile != "" || n.TLS.CAFile != "":
		return "https://" + n.Listen
	}
	return "http://" + n.Listen
}

func isSigner(c targetfile.Client) bool { return Ordinary(c) && c.RequestSigningAlg != "" }

// requestAlgs are the algorithms for signed requests that the OP offers and a target file may
// name, ES256 first, whose keys are the cheapest to make.
func (f *Facts) requestAlgs() []string {
	known := []string{"ES256", "PS256", "RS256", "EdDSA", "ES384", "ES512", "PS384", "PS512", "RS384", "RS512"}
	offered := f.Discovery.Strings(requestAlgorithms)
	return slices.DeleteFunc(known, func(alg string) bool { return !slices.Contains(offered, alg) })
}

// clientPiece is a piece that adds clients.
func (f *Facts) clientPiece(name string, clients ...targetfile.Client) Piece {
	part := Part{Key: "clients"}
	for i := range clients {
		c := &clients[i]
		c.Name = f.freeName(c.Name)
		part.Lines = append(part.Lines, clientLines(*c)...)
		if c.DeliveryMode == "" {
			c.DeliveryMode = targetfile.DeliveryPoll
		}
		if c.Purpose == "" {
			c.Purpose = targetfile.PurposeRP
		}
	}
	return Piece{name, []Part{part}, func(t *targetfile.Target) { t.Clients = append(t.Clients, clients...) }}
}

// freeName is a name that no client has.
func (f *Facts) freeName(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(f.Target.Clients, func(c targetfile.Client) bool { return c.Name == name })
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// clientLines write a client down, with what only its registration tells left to fill in.
func clientLines(c targetfile.Client) []string {
	lines := []string{"- name: " + c.Name, "  client_id: CHANGE-ME", "  auth_method: " + c.AuthMethod}
	switch c.AuthMethod {
	case targetfile.AuthNone:
	case targetfile.AuthPrivateKeyJWT:
		lines = append(lines, "  jwks_file: "+c.Name+".jwks.json   # private keys")
	default:
		lines = append(lines, fmt.Sprintf("  client_secret: ${env:%s_SECRET}", variable(c.Name)))
	}
	if c.DeliveryMode != "" && c.DeliveryMode != targetfile.DeliveryPoll {
		lines = append(lines, "  delivery_mode: "+c.DeliveryMode)
	}
	if c.SubjectType != "" {
		lines = append(lines, "  subject_type: "+c.SubjectType, "  sector: "+c.Sector+"   # the host of its sector identifier")
	}
	if c.UserCode {
		lines = append(lines, "  user_code: true")
	}
	if c.RequestSigningAlg != "" {
		if c.AuthMethod != targetfile.AuthPrivateKeyJWT {
			lines = append(lines, "  jwks_file: "+c.Name+".jwks.json   # private keys")
		}
		lines = append(lines, "  request_signing_alg: "+c.RequestSigningAlg)
	}
	if c.JWKSURI != "" {
		lines = append(lines, "  jwks_uri: "+c.JWKSURI+"   # as it is registered; a run serves the public keys there")
	}
	if len(c.RARTypes) > 0 {
		lines = append(lines, fmt.Sprintf("  rar_types: [%q]", c.RARTypes[0]))
	}
	if c.PolicyDenied {
		lines = append(lines, "  policy_denied: true")
	}
	switch {
	case c.Purpose == targetfile.PurposeResourceServer:
		lines = append(lines, "  purpose: resource-server")
	case !c.CIBA:
		lines = append(lines, "  ciba: false")
	}
	return lines
}

// variable is the environment variable for something of a name.
func variable(name string) string {
	return "CIBA_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// userCodePiece is what is missing of a client and a user with a code for it, where the OP
// offers codes.
func userCodePiece(f *Facts) []Piece {
	if inUse, _ := userCodesInUse(f); inUse || !offersUserCode(f) {
		return nil
	}
	client := f.clientPiece("a client with user codes", targetfile.Client{
		Name: "with-user-code", AuthMethod: f.anyMethod(), CIBA: true, UserCode: true,
	})
	if slices.ContainsFunc(f.Target.Users, hasUserCode) {
		return []Piece{client}
	}
	user := targetfile.User{Name: f.freeUser("coded"), LoginHint: "CHANGE-ME", UserCode: "code"}
	line := fmt.Sprintf("- {name: %s, login_hint: CHANGE-ME, user_code: \"${env:%s_CODE}\"}", user.Name, variable(user.Name))
	return []Piece{{"a client and a user with a user code", append(client.Parts, Part{"users", []string{line}}), func(t *targetfile.Target) {
		client.add(t)
		t.Users = append(t.Users, user)
	}}}
}

// freeUser is a name that no user has.
func (f *Facts) freeUser(name string) string {
	for slices.ContainsFunc(f.Target.Users, func(u targetfile.User) bool { return u.Name == name }) {
		name += "-2"
	}
	return name
}

// userPieces are a second user, and hints that are tokens.
func userPieces(f *Facts) []Piece {
	piece := func(name string, u targetfile.User, line string) Piece {
		u.Name = f.freeUser(u.Name)
		return Piece{
			name,
			[]Part{{"users", []string{fmt.Sprintf("- {name: %s, "+line+"}", u.Name)}}},
			func(t *targetfile.Target) { t.Users = append(t.Users, u) },
		}
	}
	list := []Piece{
		piece("a user with a login_hint_token", targetfile.User{Name: "tokened", LoginHintToken: "t"},
			"login_hint_token: \"${file:login-hint-token.jwt}\""),
		piece("a user with an old ID Token", targetfile.User{Name: "remembered", IDTokenHint: "t"},
			"id_token_hint: \"${file:old-id-token.jwt}\""),
	}
	if len(f.Target.Users) < 2 {
		list = append(list, piece("a second user", targetfile.User{Name: "bob", LoginHint: "CHANGE-ME"}, "login_hint: CHANGE-ME"))
	}
	return list
}

// rarPieces are types of authorization_details, and what their definitions forbid.
func rarPieces(f *Facts) []Piece {
	kinds := []string{"unknown_field", "wrong_field_type", "invalid_value", "missing_field"}
	if len(f.Target.RAR.Types) == 0 {
		return []Piece{{
			"authorization_details, where the OP takes them",
			[]Part{{"rar", []string{"types: [CHANGE-ME]", "valid: [{type: CHANGE-ME}]   # an object of each type that the OP accepts"}}},
			func(t *targetfile.Target) { t.RAR.Types = []string{"t"} },
		}}
	}
	if known, _ := rarDefinitionKnown(f); known || !literal(f.Target.RAR.Types[0]) {
		return nil
	}
	lines := []string{"invalid:   # objects that the definition of a type forbids, one at least for each kind"}
	for _, kind := range kinds {
		lines = append(lines, fmt.Sprintf("  - {kind: %s, why: CHANGE-ME, object: {type: %q}}", kind, f.Target.RAR.Types[0]))
	}
	return []Piece{{"authorization_details that have to be refused", []Part{{"rar", lines}}, func(t *targetfile.Target) {
		t.RAR.Invalid = []targetfile.InvalidRAR{{Kind: kinds[0]}}
	}}}
}

// approvalPieces are the decisions of users, and what users are shown.
func approvalPieces(f *Facts) []Piece {
	var list []Piece
	add := func(name string, change func(*targetfile.Approval), lines ...string) {
		list = append(list, Piece{name, []Part{{"approval", lines}}, func(t *targetfile.Target) { change(&t.Approval) }})
	}
	a := f.Target.Approval
	if a.Kind == targetfile.ApprovalNone || a.Kind == "" {
		add("somebody who decides", func(a *targetfile.Approval) { a.Kind = "manual" },
			"kind: manual   # a person, on a device of the OP; or url, exec, device: see \"cibatest explain target.approval\"")
		return list
	}
	if !a.Narrow && a.Kind != "manual" && a.Kind != targetfile.ApprovalGuardian {
		add("decisions that grant less than was asked", func(a *targetfile.Approval) { a.Narrow = true },
			"narrow: true   # where the decision takes {authorization_details}")
	}
	if !a.Observed() {
		add("a device that sees what users are shown", func(a *targetfile.Approval) { a.Observe.Listen = "127.0.0.1:9003" },
			"observe: {listen: \"127.0.0.1:9003\"}   # where the OP sends its prompts")
	}
	return list
}

// TooLong says that the OP told a client, which asked for no time of its own, an expires_in
// beyond the budget, so that cases cannot wait for the end of requests.
func (f *Facts) TooLong(expiresIn time.Duration) {
	f.expiresIn = expiresIn
	f.Capabilities[catalogue.NeedShortExpiry] = result.Capability{
		Reason: fmt.Sprintf("expires_in is %s, and budgets.expiry_max is %s", expiresIn, f.Target.Budgets.ExpiryMax),
	}
}

// latestNotice is how long after its end an OP may still take a request for a living one.
const latestNotice = 10 * time.Second

// budgetPieces are the time to wait until requests expire, where the OP's are known to
// live longer than the budget.
func budgetPieces(f *Facts) []Piece {
	needed := f.expiresIn + latestNotice
	if f.expiresIn == 0 || needed <= f.Target.Budgets.ExpiryMax {
		return nil
	}
	return []Piece{{
		fmt.Sprintf("time to wait until requests expire, unless the OP heeds requested_expiry (expires_in is %s)", f.expiresIn),
		[]Part{{"budgets", []string{fmt.Sprintf("expiry_max: %ds", int(needed.Seconds()))}}},
		func(t *targetfile.Target) { t.Budgets.ExpiryMax = needed },
	}}
}

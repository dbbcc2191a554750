// Package faults holds the defects that can be planted into the reference OP. Each
// breaks one requirement of the catalogue, and the suites prove with it that they
// would notice.
//
// # The life of a fault
//
// A fault is a row of a table: a name that never changes, the requirement it breaks,
// what a victim sees, and a change of a [refop.Plan]. [Plant] finds it by its name
// and makes an option of it. When [refop.New] runs the option, the change wraps what
// the healthy OP does: a check of one of its tables, a rule, or an edit of something
// that a rule makes. From then on nobody asks whether there is a fault. A request
// runs into the wrapping where the healthy OP would decide, and the wrapping asks the
// healthy decision first or goes its own way. What a fault has to remember, such as
// the previous user, lives in the closure and so with one OP.
//
// The self-test of the suites makes a lab for each fault, lets all cases judge it,
// and demands that a case of the broken requirement fails. What else fails has to be
// explained by the area.
//
// # Adding a fault
//
// Find the table of the area and the requirement by "cibatest list". Put a row there,
// next to the faults of the same requirement:
//
//	{"start-no-policy", "CIBA-13-ACCESS-DENIED-403", "policy is not enforced", edit.Without(refop.CheckClientPolicy)},
//
// Most changes are one of the vocabulary in package edit and in kit.go:
//
//   - a check is left out ([edit.Without], [edit.WithoutWhen]) or refuses otherwise
//     ([edit.Answering]);
//   - a poll sees another state ([edit.SeenAs], [edit.States]) or is answered
//     otherwise (pollAnswer);
//   - an answer is edited ([edit.Acknowledgements], [edit.Tokens], startsThat,
//     errorsOf), a flow (actsOn), a prompt ([edit.Prompts]), a token before or after
//     it is signed ([edit.IDTokens], signed).
//
// Where none fits, wrap the rule itself, and give the function a name that says what
// the OP does wrong:
//
//	func anyMember(p *refop.Plan) {
//		inner := p.Rules.DetailsMembers
//		p.Rules.DetailsMembers = func(...) *refop.OAuthError { ... inner(...) }
//	}
//
// A name of a check that no table has stops the program when the OP is made. If the
// decision has no name yet, give it one in package refop, as a rule or a check that
// the healthy OP reads well with; a rule that only a fault could want belongs here.
// Nothing else has to be edited: [All] has the table, and the self-test picks the row
// up.
package faults

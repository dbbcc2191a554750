package phone

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// card shows one object of authorization_details: a headline where its type is
// known, and below it every member there is.
type card struct {
	Index    int
	Kind     string // of the known types: names its colour
	Title    []piece
	Headline []piece
	Rows     []row
}

// row is a member or an element. It has either a value or rows of its own.
type row struct {
	Label []piece
	Value []piece
	Kind  string // what Value is when it is not a text: number, yes, no, nothing
	Rows  []row
}

// cardsOf are the cards of a request, in the order of the OP.
func cardsOf(r wire.Request) []card {
	details, _ := r.Details() // was checked when it arrived
	cards := make([]card, len(details))
	for i, object := range details {
		cards[i] = cardOf(i, object)
	}
	return cards
}

// cardOf introduces an object by its type and shows all of it. Types are not restricted: one
// that is not known has its own name as title.
func cardOf(i int, object tree.Value) card {
	k, known := kinds[object.Word("type")]
	c := card{Index: i, Kind: k.name, Title: visible(k.title), Rows: rowsOf(object, k)}
	if !known {
		c.Kind, c.Title = "other", visible(object.Word("type"))
		if len(c.Title) == 0 {
			c.Title = visible("Request without a type")
		}
	}
	for _, headline := range k.headlines {
		if text, ok := sentence(headline, object); ok {
			c.Headline = visible(text)
			break
		}
	}
	return c
}

// slot is a JSON pointer in a headline.
var slot = regexp.MustCompile(`\{(/[^}]+)\}`)

// sentence fills the pointers of a headline; false if one of them has no plain value.
func sentence(headline string, object tree.Value) (string, bool) {
	complete := true
	text := slot.ReplaceAllStringFunc(headline, func(place string) string {
		at, _ := tree.ParsePointer(place[1 : len(place)-1]) // constants above
		value, ok := at.First(object)
		scalar, isScalar := value.Scalar()
		complete = complete && ok && isScalar && scalar != ""
		return scalar
	})
	if complete && text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text, complete
}

// rowsOf shows every member, the important ones of a known type first.
func rowsOf(t tree.Value, k kind) []row {
	members := slices.Clone(t.Members)
	place := func(m tree.Member) int {
		if at := slices.Index(k.order, m.Name); at >= 0 {
			return at
		}
		return len(k.order)
	}
	slices.SortStableFunc(members, func(a, b tree.Member) int { return place(a) - place(b) })
	rows := make([]row, len(members))
	for i, m := range members {
		label, ok := k.labels[m.Name]
		if !ok {
			label = labelOf(m.Name)
		}
		rows[i] = rowOf(visible(label), m.Value, k)
		if m.Name == "" {
			rows[i].Label = []piece{{Mark: "no name", Name: "the member has an empty name"}}
		}
	}
	return rows
}

// rowOf shows a value: in words where JSON has no text for people, in rows of its own where it
// has parts.
func rowOf(label []piece, t tree.Value, k kind) row {
	r := row{Label: label}
	switch t.Kind {
	case tree.Object:
		if amount, ok := amountOf(t); ok {
			r.Value, r.Kind = visible(amount), "number"
			return r
		}
		r.Rows = rowsOf(t, kind{labels: k.labels})
	case tree.Array:
		for i, item := range t.Items {
			r.Rows = append(r.Rows, rowOf(visible(fmt.Sprintf("%d of %d", i+1, len(t.Items))), item, k))
		}
	case tree.Number:
		r.Value, r.Kind = visible(t.Text), "number"
	case tree.Bool:
		word := map[string]string{"true": "yes", "false": "no"}[t.Text]
		r.Value, r.Kind = visible(word), word
	case tree.String:
		r.Value = visible(t.Text)
	case tree.Null: // as whatever else has nothing to show
	}
	if len(r.Value) == 0 && len(r.Rows) == 0 {
		r.Kind = "nothing"
		word := map[tree.Kind]string{tree.Null: "null", tree.String: "empty text", tree.Array: "empty list", tree.Object: "nothing in it"}[t.Kind]
		r.Value = visible(word)
	}
	return r
}

// amountOf joins an amount and its currency when an object holds nothing else.
func amountOf(t tree.Value) (string, bool) {
	amount, hasAmount := t.Get("amount")
	currency := t.Word("currency")
	text, plain := amount.Scalar()
	return text + " " + currency, hasAmount && plain && currency != "" && len(t.Members) == 2
}

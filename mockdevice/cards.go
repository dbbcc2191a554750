package mockdevice

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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

// kind is a type whose objects the page knows how to introduce. The headline is a
// sentence with JSON pointers; it is left out when one of them finds nothing, and it
// never replaces a row.
type kind struct {
	name, title string
	headlines   []string
	order       []string          // members to show first
	labels      map[string]string // by member name, where its own name is not good enough
}

var kinds = map[string]kind{
	"payment": {
		"payment", "Payment",
		[]string{"Pay {/amount} {/currency} to {/creditor/name}"},
		[]string{"amount", "currency", "creditor", "debtor_account", "reference", "execution_date", "recurring"},
		map[string]string{"creditor": "To", "debtor_account": "From account", "execution_date": "On"},
	},
	"payment_initiation": {
		"payment", "Payment",
		[]string{
			"Pay {/instructedAmount/amount} {/instructedAmount/currency} to {/creditorName}",
			"Pay {/instructedAmount/amount} {/instructedAmount/currency}",
		},
		[]string{"instructedAmount", "creditorName", "creditorAccount"},
		map[string]string{"instructedAmount": "Amount", "creditorName": "To", "creditorAccount": "Account of the payee", "remittanceInformationUnstructured": "Message to the payee"},
	},
	"flight_booking": {
		"booking", "Booking",
		[]string{
			"Fly {/itinerary/origin} to {/itinerary/destination} with {/itinerary/carrier} for {/total/amount} {/total/currency}",
		},
		[]string{"total", "itinerary", "travellers", "refundable", "hold_expires"},
		map[string]string{"total": "Price"},
	},
	"health_record_access": {
		"records", "Access to health records",
		[]string{"{/requester} reads records of {/patient_ref} for {/retention_minutes} minutes"},
		[]string{"requester", "purpose", "record_types", "actions", "period"},
		map[string]string{"patient_ref": "Patient", "break_glass": "Emergency access"},
	},
	"production_deployment": {
		"deployment", "Deployment",
		[]string{"Deploy {/service} {/version} to {/environment}"},
		[]string{"environment", "service", "version", "risk", "strategy"},
		map[string]string{"rollback_to": "If it fails, back to"},
	},
	"stock_purchase": {
		"stock", "Stock order",
		[]string{"{/side} {/quantity} {/ticker} up to {/order/limit_price/amount} {/order/limit_price/currency}"},
		[]string{"side", "quantity", "ticker", "max_cost", "order"},
		map[string]string{"max_cost": "Costs at most"},
	},
	"retail_order": {
		"order", "Order",
		[]string{"Order at {/merchant} for {/total/amount} {/total/currency}"},
		[]string{"merchant", "total", "lines", "ship_to", "deliver_by"},
		map[string]string{"lines": "Items", "qty": "Quantity", "sku": "Article number"},
	},
	"data_export": {
		"data", "Data export",
		[]string{"Send {/row_estimate} rows of {/dataset} to {/destination/host_alias}"},
		[]string{"dataset", "destination", "contains_personal_data", "columns", "row_estimate"},
		nil,
	},
	"privileged_access": {
		"access", "Privileged access",
		[]string{"{/actor} gets {/role} on {/system} for {/duration_minutes} minutes"},
		[]string{"system", "role", "actor", "duration_minutes", "commands"},
		nil,
	},
}

// cardsOf are the cards of a request, in the order of the OP.
func cardsOf(r Request) []card {
	details, _ := parseDetails(r.AuthorizationDetails) // was checked when it arrived
	cards := make([]card, len(details))
	for i, object := range details {
		cards[i] = cardOf(i, object)
	}
	return cards
}

func cardOf(i int, object tree) card {
	k, known := kinds[object.word("type")]
	c := card{Index: i, Kind: k.name, Title: visible(k.title), Rows: rowsOf(object, k)}
	if !known {
		c.Kind, c.Title = "other", visible(object.word("type"))
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

var slot = regexp.MustCompile(`\{(/[^}]+)\}`)

// sentence fills the pointers of a headline; false if one of them has no plain value.
func sentence(headline string, object tree) (string, bool) {
	complete := true
	text := slot.ReplaceAllStringFunc(headline, func(place string) string {
		at, _ := parsePointer(place[1 : len(place)-1]) // constants above
		value, ok := at.first(object)
		scalar, isScalar := value.scalar()
		complete = complete && ok && isScalar && scalar != ""
		return scalar
	})
	if complete && text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text, complete
}

// rowsOf shows every member, the important ones of a known type first.
func rowsOf(t tree, k kind) []row {
	members := slices.Clone(t.members)
	place := func(m member) int {
		if at := slices.Index(k.order, m.name); at >= 0 {
			return at
		}
		return len(k.order)
	}
	slices.SortStableFunc(members, func(a, b member) int { return place(a) - place(b) })
	rows := make([]row, len(members))
	for i, m := range members {
		label, ok := k.labels[m.name]
		if !ok {
			label = labelOf(m.name)
		}
		rows[i] = rowOf(visible(label), m.value, k)
		if m.name == "" {
			rows[i].Label = []piece{{Mark: "no name", Name: "the member has an empty name"}}
		}
	}
	return rows
}

func rowOf(label []piece, t tree, k kind) row {
	r := row{Label: label}
	switch t.kind {
	case isObject:
		if amount, ok := amountOf(t); ok {
			r.Value, r.Kind = visible(amount), "number"
			return r
		}
		r.Rows = rowsOf(t, kind{labels: k.labels})
	case isArray:
		for i, item := range t.items {
			r.Rows = append(r.Rows, rowOf(visible(fmt.Sprintf("%d of %d", i+1, len(t.items))), item, k))
		}
	case isNumber:
		r.Value, r.Kind = visible(t.text), "number"
	case isBool:
		word := map[string]string{"true": "yes", "false": "no"}[t.text]
		r.Value, r.Kind = visible(word), word
	case isString:
		r.Value = visible(t.text)
	}
	if len(r.Value) == 0 && len(r.Rows) == 0 {
		r.Kind = "nothing"
		word := map[treeKind]string{isNull: "null", isString: "empty text", isArray: "empty list", isObject: "nothing in it"}[t.kind]
		r.Value = visible(word)
	}
	return r
}

// amountOf joins an amount and its currency when an object holds nothing else.
func amountOf(t tree) (string, bool) {
	amount, hasAmount := t.get("amount")
	currency := t.word("currency")
	text, plain := amount.scalar()
	return text + " " + currency, hasAmount && plain && currency != "" && len(t.members) == 2
}

// scopeWords says what the scopes of OpenID Connect give away.
var scopeWords = map[string]string{
	"openid": "Know that it is you", "profile": "Read your profile: name, picture and the like", "email": "Read your e-mail address",
	"address": "Read your postal address", "phone": "Read your phone number", "offline_access": "Keep access while you are away",
}

// scopeLine is a scope in words, beside the scope itself.
type scopeLine struct {
	Words  []piece
	Scope  []piece
	Name   string
	Locked bool // openid cannot be left out: without it there is no answer
}

func scopeLines(scope string) []scopeLine {
	var lines []scopeLine
	for _, s := range strings.Fields(scope) {
		words, ok := scopeWords[s]
		if !ok {
			words = labelOf(s)
		}
		lines = append(lines, scopeLine{visible(words), visible(s), s, s == "openid"})
	}
	return lines
}

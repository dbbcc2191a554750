package phone

// kind is a type whose objects the page knows how to introduce. The headline is a
// sentence with JSON pointers; it is left out when one of them finds nothing, and it
// never replaces a row.
type kind struct {
	name, title string
	headlines   []string
	order       []string          // members to show first
	labels      map[string]string // by member name, where its own name is not good enough
}

// kinds are the types that the page introduces, by the value of type.
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
		map[string]string{
			"instructedAmount": "Amount", "creditorName": "To", "creditorAccount": "Account of the payee",
			"remittanceInformationUnstructured": "Message to the payee",
		},
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

package refop

var _ = plant(
	Fault{"poll-pending-invalid", "CIBA-11-PENDING", "a pending poll is answered invalid_grant",
		func(b *behaviour) { b.refuse("poll-pending", 400, "invalid_grant") }},
	Fault{"poll-denied-pending", "CIBA-11-DENIED", "a denied request stays pending",
		func(b *behaviour) { b.refuse("poll-denied", 400, "authorization_pending") }},
)

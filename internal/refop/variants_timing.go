package refop

import "time"

// Variants in which a legal OP takes its time.
var _ = allow(
	Variant{"interval-of-20", "CIBA Core 7.3: the interval is the OP's to choose", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["interval"] = 20 })
	}},
	Variant{"answers-take-3-s", "CIBA Core 7.3: the text sets no time for an answer", func(b *behaviour) {
		b.delay["start"], b.delay["token"] = 3*time.Second, 3*time.Second
	}},
)

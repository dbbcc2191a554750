package refop

import (
	"sync"
	"time"
)

// Variants in which a legal OP takes its time.
var _ = allow(
	Variant{"interval-of-20", "CIBA Core 7.3: the interval is the OP's to choose", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["interval"] = 20 })
	}},
	Variant{"answers-take-3-s", "CIBA Core 7.3: the text sets no time for an answer", func(b *behaviour) {
		b.delay["start"], b.delay["token"] = 3*time.Second, 3*time.Second
	}},
	Variant{"starts-take-20s", "CIBA Core 7.3: an OP may ask the device before it answers", func(b *behaviour) { b.delay["start"] = 20 * time.Second }},
	Variant{"pace-before-expiry", "CIBA Core 11 sets no order: an OP may keep the pace before it looks at the expiry", func(b *behaviour) {
		var told sync.Map
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.flow == nil || r.body["error"] != "expired_token" {
				return
			}
			if _, again := told.LoadOrStore(c.flow.id, true); !again {
				r.body["error"] = "slow_down"
			}
		})
	}},
)

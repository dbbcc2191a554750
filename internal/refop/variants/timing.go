package variants

import (
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Timing are OPs that take their time.
var Timing = []Variant{
	{"interval-of-20", "CIBA Core 7.3: the interval is the OP's to choose", edit.Acknowledgements(edit.Member("interval", 20))},
	{
		"answers-take-3-s", "CIBA Core 7.3: the text sets no time for an answer",
		edit.All(edit.Late(refop.EndpointStart, 3*time.Second), edit.Late(refop.EndpointToken, 3*time.Second)),
	},
	{"starts-take-20s", "CIBA Core 7.3: an OP may ask the device before it answers", edit.Late(refop.EndpointStart, 20*time.Second)},
	{
		"first-polls-take-3-s", "CIBA Core 10.1: an OP can tell only from when on it looks at a poll how much time lies between two",
		firstPollsWait(3 * time.Second),
	},
	{
		"first-polls-take-8-s", "CIBA Core 10.1: an OP can tell only from when on it looks at a poll how much time lies between two",
		firstPollsWait(8 * time.Second),
	},
	{
		"starts-wait-11-s",
		"CIBA Core 7.3: expires_in counts from the moment that the OP takes on the request, which may be just before it answers",
		startsWait(11 * time.Second),
	},
	{"pace-before-expiry", "CIBA Core 11 sets no order: an OP may keep the pace before it looks at the expiry", paceBeforeExpiry},
}

// paceBeforeExpiry answers the first poll after the expiry slow_down.
func paceBeforeExpiry(p *refop.Plan) {
	var told sync.Map // *refop.Flow
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if c.Flow == nil || r.Body["error"] != "expired_token" {
			return
		}
		if _, again := told.LoadOrStore(c.Flow, true); !again {
			r.Body["error"] = "slow_down"
		}
	})
}

// firstPollsWait has the first poll of each auth_req_id wait in a queue before it is
// looked at.
func firstPollsWait(d time.Duration) edit.Change {
	var polled sync.Map // auth_req_id
	return edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
		id := c.Value("auth_req_id")
		if c.Endpoint != refop.EndpointToken || id == "" {
			return nil
		}
		if _, before := polled.LoadOrStore(id, true); !before {
			c.OP.Wait(d)
			c.Now = c.OP.Now()
		}
		return nil
	})
}

// startsWait has backchannel requests wait in a queue before they are looked at.
func startsWait(d time.Duration) edit.Change {
	return edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
		if c.Endpoint == refop.EndpointStart {
			c.OP.Wait(d)
			c.Now = c.OP.Now()
		}
		return nil
	})
}

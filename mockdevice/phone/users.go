package phone

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// The bounds of one page, for open and for finished requests each. A person answers one
// at a time; whoever floods the phone must not take it away.
const (
	maxShown      = 50
	maxShownBytes = 1 << 20 // what the requests weigh
)

// showPhone shows the requests of a user, or asks whose phone this is: the open ones that
// came first, and the finished ones that came last.
func (p *Page) showPhone(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	if user == "" {
		render(w, http.StatusOK, "users", p.usersWaiting())
		return
	}
	now := time.Now()
	var open, finished []wire.Request
	for _, request := range p.device.Requests(func(r wire.Request) bool { return r.User() == user }) {
		if request.State(now) == wire.StateOpen {
			open = append(open, request)
		} else {
			finished = append(finished, request)
		}
	}
	slices.Reverse(finished)
	shown := promptsOf(open, now)
	render(w, http.StatusOK, "phone", struct {
		User           []piece
		UserName       string
		Open, Finished []prompt
		More, Most     int
	}{visible(user), user, shown, promptsOf(finished, now), len(open) - len(shown), maxShown})
}

// promptsOf prepares as many requests, from the first on, as a page shows.
func promptsOf(requests []wire.Request, now time.Time) []prompt {
	requests = requests[:min(len(requests), maxShown)]
	prompts := make([]prompt, wire.Lightest(requests, maxShownBytes))
	for i := range prompts {
		prompts[i] = promptOf(requests[i], now)
	}
	return prompts
}

// userLine is a user on the page that asks whose phone this is.
type userLine struct {
	Name []piece
	Link string
	Open int
}

// maxUsers is how many users the page offers.
const maxUsers = 200

// usersWaiting are the users the device was asked about, those with open requests first.
func (p *Page) usersWaiting() []userLine {
	counts := map[string]int{}
	now := time.Now()
	for _, r := range p.device.Requests(nil) {
		open := counts[r.User()] // 0 for a user who has answered everything
		if r.State(now) == wire.StateOpen {
			open++
		}
		counts[r.User()] = open
	}
	var lines []userLine
	for user, open := range counts {
		if user != "" {
			lines = append(lines, userLine{visible(user), "/phone?" + url.Values{"user": {user}}.Encode(), open})
		}
	}
	slices.SortFunc(lines, func(a, b userLine) int {
		return cmp.Or(cmp.Compare(b.Open, a.Open), strings.Compare(a.Link, b.Link))
	})
	return lines[:min(len(lines), maxUsers)]
}

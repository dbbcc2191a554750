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

// history is how many finished requests the page shows.
const history = 50

// showPhone shows the requests of a user, or asks whose phone this is.
func (p *Page) showPhone(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	if user == "" {
		render(w, http.StatusOK, "users", p.usersWaiting())
		return
	}
	now := time.Now()
	var open, finished []prompt
	for _, request := range p.device.Requests(func(r wire.Request) bool { return r.User() == user }) {
		if view := promptOf(request, now); view.State == wire.StateOpen {
			open = append(open, view)
		} else {
			finished = append(finished, view)
		}
	}
	finished = finished[max(0, len(finished)-history):]
	slices.Reverse(finished)
	render(w, http.StatusOK, "phone", struct {
		User           []piece
		UserName       string
		Open, Finished []prompt
	}{visible(user), user, open, finished})
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

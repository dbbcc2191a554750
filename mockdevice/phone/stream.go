package phone

import (
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps proxies from closing a quiet stream, and finds closed ones.
const heartbeat = 20 * time.Second

// streamChanges tells the page which requests to look at, as server-sent events.
func (p *Page) streamChanges(w http.ResponseWriter, r *http.Request) {
	watching, stop := p.watchers.subscribe(r.URL.Query().Get("user"))
	defer stop()
	harden(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := fmt.Fprint(w, text)
		return err == nil && stream.Flush() == nil
	}
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for ok := send("retry: 1000\n\n"); ok; {
		select {
		case k := <-watching.changed:
			name := "change"
			if watching.behind.Swap(false) {
				name = "everything"
			}
			ok = send("event: " + name + "\ndata: " + k.String() + "\n\n")
		case <-ticker.C:
			ok = send(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-p.device.Done():
			return
		}
	}
}

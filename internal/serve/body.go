package serve

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// patient bounds how long the body of a request may take. The deadline ends with the
// body: net/http takes one that passes later for the end of the client, and would cut
// off the answers that take their time. This is why [http.Server.ReadTimeout] is not
// used.
func patient(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			connection := http.NewResponseController(w)
			// Where deadlines are not supported there is no connection to hold open.
			_ = connection.SetReadDeadline(time.Now().Add(patience))
			r.Body = &bounded{r.Body, func() { _ = connection.SetReadDeadline(time.Time{}) }}
		}
		next.ServeHTTP(w, r)
	})
}

// bounded is a body with a deadline that is lifted once all of it was read.
type bounded struct {
	io.ReadCloser
	lift func()
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.lift()
	}
	return n, err
}

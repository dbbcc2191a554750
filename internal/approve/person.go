package approve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// byPerson asks whoever sits at the terminal to decide on the phone and to say when
// it is done. Questions come one at a time.
type byPerson struct {
	in         io.Reader
	out        io.Writer
	introduced *introductions
	turn       sync.Mutex // held while a question is open
	reading    sync.Once
	answers    chan error // one for every line a person typed
}

func newByPerson(in io.Reader, out io.Writer, introduced *introductions) *byPerson {
	return &byPerson{in: in, out: out, introduced: introduced, answers: make(chan error)}
}

// decide asks one question and waits for a line, whatever it says: the decision itself
// is made on the phone.
func (w *byPerson) decide(ctx context.Context, d Decision) error {
	if w.in == nil || w.out == nil {
		return errors.New("approval.kind is manual, but there is no terminal to ask at")
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	w.reading.Do(func() { go w.read() })
	select { // what was typed when nobody asked answers nothing
	case err := <-w.answers:
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
	default:
	}
	w.ask(d)
	select {
	case err := <-w.answers:
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask writes the question. What the OP sent is quoted, since a terminal would act on
// some characters.
func (w *byPerson) ask(d Decision) {
	verb := "DENY"
	if d.Allow {
		verb = "APPROVE"
	}
	binding := "no binding message"
	if message, known := w.introduced.message(d.AuthReqID); known {
		binding = fmt.Sprintf("the binding message %+q", message)
	}
	_, _ = fmt.Fprintf(w.out, "\nPlease %s the request of user %s with %s (auth_req_id %+q), then press Enter: ",
		verb, d.User.Name, binding, d.AuthReqID)
}

// read is the only reader of the terminal, so that a question that was given up does
// not swallow the answer to the next one.
func (w *byPerson) read() {
	lines := bufio.NewScanner(w.in)
	for lines.Scan() {
		w.answers <- nil
	}
	err := lines.Err()
	if err == nil {
		err = io.EOF
	}
	for {
		w.answers <- err
	}
}

func (*byPerson) namesRequest() bool { return true }
func (*byPerson) repeatable() bool   { return false }

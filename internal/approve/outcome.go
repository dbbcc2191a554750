package approve

import (
	"errors"
	"fmt"
	"net"

	"github.com/cibatest/cibatest/mockdevice"
)

// ErrUncertain says that nobody knows whether a decision was made: it was sent, and no
// answer came, or one that tells of trouble on the way.
var ErrUncertain = errors.New("it is not known whether the decision was made")

// RefusedError is how the OP refuses a decision: the answer of the hook, or of the OP to
// its device.
type RefusedError struct {
	Status int
	err    error
}

// Error implements error.
func (e *RefusedError) Error() string { return e.err.Error() }

// answered is the error of a hook or an OP that was told a decision and answers with a
// status other than 2xx.
func answered(status int, err error) error {
	if status/100 == 4 {
		return &RefusedError{status, err}
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// unanswered is the error of a decision that was not answered. Where no connection came
// about it was not made.
func unanswered(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// delivered is the error of a device that was to tell the OP.
func delivered(err error) error {
	if refused, ok := errors.AsType[*mockdevice.RefusedError](err); ok {
		return answered(refused.Status, err)
	}
	if errors.Is(err, mockdevice.ErrUndelivered) {
		return unanswered(err)
	}
	return err
}

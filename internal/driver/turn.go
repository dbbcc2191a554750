package driver

import "context"

// turn is had by one at a time: a lock that is waited for no longer than one has time. Make
// it with room for one.
type turn chan struct{}

// take waits for the turn, which ends with release. The error is a [*Stop].
func (t turn) take(ctx context.Context) (release func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
}

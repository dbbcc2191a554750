package notify

import "slices"

// Strangers are the calls that belong to no request.
type Strangers struct {
	Elsewhere int // to a path where no client has its endpoint
	NoToken   int // to an endpoint, without a bearer token
	Unknown   int // to an endpoint, with a token that no request has
	Latest    []*Call
}

// All is the number of all of them.
func (s Strangers) All() int { return s.Elsewhere + s.NoToken + s.Unknown }

// Strangers are those so far. The latest 256 are kept.
func (r *Receiver) Strangers() Strangers {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.strangers.Strangers
	s.Latest = slices.Clone(r.strangers.kept)
	return s
}

// strangers are [Strangers] with those that are kept.
type strangers struct {
	Strangers
	kept []*Call
}

func (s *strangers) add(c *Call) {
	switch _, token := c.Bearer(); {
	case c.Client == "":
		s.Elsewhere++
	case token == "":
		s.NoToken++
	default:
		s.Unknown++
	}
	if len(s.kept) == maxStrangers {
		s.kept = s.kept[1:]
	}
	s.kept = append(s.kept, c)
}

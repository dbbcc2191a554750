package notify

import "time"

// The bounds of what is taken from a caller.
const (
	maxHeader = 32 << 10 // bytes of a header; a token may have 1024 of them, and a proxy adds its own
	maxBody   = 64 << 10 // bytes of a body that are read; a push with three JWTs has some 4 KiB

	headerTime = 5 * time.Second  // from the first byte of a call to the end of its header
	callTime   = 10 * time.Second // from the first byte of a call to its last
	idleTime   = time.Minute      // between two calls of a connection

	maxConnections = 256 // that have shown no known token
	maxStreams     = 64  // calls at once on a connection of HTTP/2

	maxKept      = 16       // calls of one inbox that are kept; all are counted
	maxStrangers = 256      // strangers' calls that are kept, the latest
	maxBytes     = 64 << 20 // of all bodies that are kept; beyond it bodies are cut
	maxInboxes   = 1 << 16  // the oldest goes first
)

// DefaultLife is how long a request is expected to be answered to, where nothing else
// is said: longer than any request that a case waits for.
const DefaultLife = time.Hour

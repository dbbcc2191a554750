package notify

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// guests are the connections that have shown no known token, the oldest first. There
// are at most maxConnections of them.
type guests struct {
	mu    sync.Mutex
	order list.List // of net.Conn
	at    map[net.Conn]*list.Element
}

func newGuests() *guests { return &guests{at: map[net.Conn]*list.Element{}} }

// state follows a connection.
func (g *guests) state(conn net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		g.add(conn)
	case http.StateClosed, http.StateHijacked:
		g.remove(conn)
	case http.StateActive, http.StateIdle: // its place stays
	}
}

// add lets a connection in. The oldest has to go where there are too many; it is closed
// without the lock, as closing one may wait for what is written to it.
func (g *guests) add(conn net.Conn) {
	if oldest := g.admit(conn); oldest != nil {
		_ = oldest.Close()
	}
}

func (g *guests) admit(conn net.Conn) (tooMany net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at[conn] != nil { // of several calls at once on a connection of HTTP/2 one has ended before
		return nil
	}
	g.at[conn] = g.order.PushBack(conn)
	if g.order.Len() <= maxConnections {
		return nil
	}
	first := g.order.Front()
	tooMany = first.Value.(net.Conn)
	g.order.Remove(first)
	delete(g.at, tooMany)
	return tooMany
}

func (g *guests) remove(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.at[conn]; at != nil {
		g.order.Remove(at)
		delete(g.at, conn)
	}
}

// welcome takes a connection from the list while a call with a known token is under way,
// and puts it back, as the newest, when the function that it returns is called.
func (g *guests) welcome(req *http.Request) (over func()) {
	conn, known := req.Context().Value(guestKey{}).(net.Conn)
	if !known {
		return func() {}
	}
	g.remove(conn)
	return func() { g.add(conn) }
}

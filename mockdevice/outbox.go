package mockdevice

import "sync"

// outbox runs deliveries, a bounded number at a time. Its goroutines exist only
// while there is something to deliver.
type outbox struct {
	limit int

	mu      sync.Mutex
	queue   []func()
	running int
	closed  bool
}

// do runs a job now, or once another has ended. After close nothing is run any more.
func (o *outbox) do(work *sync.WaitGroup, job func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case o.running < o.limit:
		o.running++
		work.Go(func() { o.run(job) })
	default:
		o.queue = append(o.queue, job)
	}
}

// run is one goroutine. It takes jobs until there is none.
func (o *outbox) run(job func()) {
	for ; job != nil; job = o.next() {
		job()
	}
}

// next is the oldest job of the queue, or nil, which ends the goroutine.
func (o *outbox) next() func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 || o.closed {
		o.queue = nil
		o.running--
		return nil
	}
	job := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	return job
}

// close lets what is running end and drops the rest.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

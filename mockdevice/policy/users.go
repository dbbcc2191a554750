package policy

import "sync"

// maxUsers bounds the memory of counting users. Beyond it the counts begin anew.
const maxUsers = 1_000_000

// userCounts number the requests of each user, from 1.
type userCounts struct {
	mu    sync.Mutex
	count map[string]int
}

// next counts a request.
func (c *userCounts) next(user string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil || len(c.count) >= maxUsers {
		c.count = map[string]int{}
	}
	c.count[user]++
	return c.count[user]
}

// peek is the number that the next request would have.
func (c *userCounts) peek(user string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[user] + 1
}

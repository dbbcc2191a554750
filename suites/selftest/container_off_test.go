//go:build !containers

package selftest

import "testing"

// The container library is large, so it is only built when asked for.
func TestContainer(t *testing.T) {
	t.Skip("built without the tag containers; \"make test-containers\" judges an OP in a container")
}

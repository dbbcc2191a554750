package policy

import (
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// human is how people answer when nothing else is known.
var human = lognormalDelay(8*time.Second, 0.8)

// readDelay reads a word, a duration or a distribution. Without any there is no delay.
func readDelay(at yamlfile.Place) delay {
	switch {
	case at.IsMapping():
		return readDistribution(at)
	case !at.Exists(), at.Text() == "none":
		return delay{}
	case at.Text() == "human":
		return human
	}
	return fixedDelay(duration(at))
}

// duration is bounded by the longest life of a request.
func duration(at yamlfile.Place) time.Duration { return at.Duration(wire.MaxLife) }

// readDistribution reads the one member of a mapping.
func readDistribution(at yamlfile.Place) delay {
	for _, m := range at.Members() {
		switch m.Name() {
		case "fixed":
			return fixedDelay(duration(m))
		case "uniform":
			return readUniform(m)
		case "normal":
			return normalDelay(duration(m.At("mean")), duration(m.At("deviation")))
		case "lognormal":
			return lognormalDelay(duration(m.At("median")), m.At("sigma").Float())
		case "exponential":
			return exponentialDelay(duration(m))
		case "empirical":
			return empiricalDelay(durations(m))
		case "before_expiry":
			return beforeExpiry(duration(m))
		case "after_expiry":
			return afterExpiry(duration(m))
		}
	}
	return delay{}
}

// readUniform reads the bounds, which the schema cannot hold to their order.
func readUniform(at yamlfile.Place) delay {
	bounds := durations(at)
	if len(bounds) != 2 || bounds[0] > bounds[1] {
		at.Wrong("is a list; wanted [shortest, longest]")
		return delay{}
	}
	return uniformDelay(bounds[0], bounds[1])
}

// durations are the elements of a list.
func durations(at yamlfile.Place) []time.Duration {
	var list []time.Duration
	for _, item := range at.Items() {
		list = append(list, duration(item))
	}
	return list
}

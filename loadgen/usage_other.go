//go:build !unix

package loadgen

import "time"

// What this system does not tell is zero.
func cpuTime() time.Duration   { return 0 }
func peakResidentBytes() int64 { return 0 }
func residentBytes() int64     { return 0 }

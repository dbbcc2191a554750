// Package wire is what an authentication device says and hears: requests, decisions,
// and the faults that a device may be told to have. It is the JSON of the device's
// HTTP API, and of its policies. Package mockdevice has the same names as aliases.
package wire

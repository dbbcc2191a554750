// Package preflight is what is known before the first case: how the OP of a target
// is reached, what its metadata says, which capabilities target and OP have together,
// and which clients and users a case may use.
//
// A target file is opened by [Open] and its OP asked by [Gather], which gives [Facts].
// Everything about a capability stands in one table, in rules.go: what has to hold of the
// target, which client and which user meet the need, and whether a run without it can
// still tell the whole truth. Planning, the check command and the list of what is not
// judged so far read the same rows, so that none of them can promise what another
// does not hold.
package preflight

// Package faults holds the defects that can be planted into the reference OP. Each
// breaks one requirement of the catalogue, and the suites prove with it that they
// would notice.
package faults

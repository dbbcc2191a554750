// Package policy decides what a simulated user does when a request arrives: nothing,
// the same always, or what the rules of a policy file say.
//
// The rules of a file are asked in order, and the first whose conditions all hold
// decides: what the user does, how long it takes, and which faults the device has
// meanwhile. [Example] shows everything there is.
//
// A comparison of where holds if a value at its JSON pointer passes all its tests;
// with every, if there are values and all pass. Numbers compare by value, also in
// texts: "50.00" equals 50, but "1e3" and "1,000" are no numbers, since readers
// disagree about them. What cannot be compared does not match, so approve what is
// known to be good and deny the rest.
//
// Nothing is left to luck: whatever is drawn depends on the seed, the auth_req_id and
// the name of the rule only. Reruns and several devices agree without speaking to each
// other.
package policy

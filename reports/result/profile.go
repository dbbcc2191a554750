package result

// Profile is one thing that the OP claims to be, such as CIBA Core in poll mode or Rich
// Authorization Requests, and what the run says about it.
type Profile struct {
	ID      string      `json:"id"` // "poll"; never changes
	Title   string      `json:"title"`
	Claim   ClaimSource `json:"claim"`
	Because string      `json:"because"` // how the claim is known, in words
	Verdict Verdict     `json:"verdict"` // see [NoVerdict] for a profile that nothing is said about

	// Counts speaks of weight: whether the standing of the run depends on this verdict. A
	// feature that only the OP's metadata offers, and that nothing was set up for, is told and
	// holds nobody up.
	Counts bool `json:"counts"`

	MUSTs   int `json:"musts"`  // how many MUSTs the profile makes of this OP
	Judged  int `json:"judged"` // how many of them were judged
	Failed  int `json:"failed"` // how many requirements of any level failed
	Warned  int `json:"warned"` // how many requirements of any level have a warning
	Minimum int `json:"minimum"`

	// Missing are the ids of the requirements that belong to the minimum, of which there
	// are Minimum, and were not judged.
	Missing []string `json:"missing,omitempty"`

	// OtherModes are the MUSTs that were judged, but with clients of another delivery mode
	// alone: they are not among Judged. Where one of them fails, the profile is not conformant.
	OtherModes []OtherMode `json:"other_modes,omitempty"`

	// NotTestable tells why the rest of the MUSTs were not judged, the reason of most first.
	NotTestable []NotTestable `json:"not_testable,omitempty"`
}

// OtherMode is a token delivery mode whose clients showed what those of a profile did not.
type OtherMode struct {
	Mode         string   `json:"mode"`             // poll, ping or push
	Requirements []string `json:"requirements"`     // ids of MUSTs
	Failed       []string `json:"failed,omitempty"` // ids of requirements of any level that fail there
}

// ClaimSource is how it is known that an OP claims a profile.
type ClaimSource string

// The sources, the strongest first.
const (
	ClaimTold     ClaimSource = "told"        // the user named the profile
	ClaimTarget   ClaimSource = "target file" // the target file has what it takes to judge it
	ClaimMetadata ClaimSource = "metadata"    // the OP publishes it, and the target file has nothing for it
)

// NotTestable is a reason why requirements were not judged.
type NotTestable struct {
	Reason       string   `json:"reason"`
	Requirements []string `json:"requirements"` // their ids
}

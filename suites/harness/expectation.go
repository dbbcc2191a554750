package harness

import (
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
)

// The functions here alter what a requirement expects, for one variant of a test. They
// return a changed copy: the lists of the catalogue belong to all cases.

// Tolerating is the requirement with further error codes that are a warning.
func Tolerating(r catalogue.Requirement, codes ...ciba.ErrorCode) catalogue.Requirement {
	r.Expect.Tolerated = slices.Clone(r.Expect.Tolerated)
	for _, code := range codes {
		r.Expect.Tolerated = append(r.Expect.Tolerated, string(code))
	}
	return r
}

// Preferring is the requirement with one of its error codes as the only one that conforms;
// the others are a warning. It is for a test whose variants have a code each.
func Preferring(r catalogue.Requirement, code ciba.ErrorCode) catalogue.Requirement {
	r.Expect.Tolerated = slices.Concat(r.Expect.Tolerated, slices.DeleteFunc(slices.Clone(r.Expect.Error), func(other string) bool {
		return other == string(code)
	}))
	r.Expect.Error = []string{string(code)}
	return r
}

// AlsoExpecting is the requirement with further error codes that conform.
func AlsoExpecting(r catalogue.Requirement, codes ...ciba.ErrorCode) catalogue.Requirement {
	r.Expect.Error = slices.Clone(r.Expect.Error)
	for _, code := range codes {
		r.Expect.Error = append(r.Expect.Error, string(code))
	}
	return r
}

// ExpectingStatus is the requirement with these statuses in place of its own.
func ExpectingStatus(r catalogue.Requirement, statuses ...int) catalogue.Requirement {
	r.Expect.Status = slices.Clone(statuses)
	return r
}

// ExpectingAnyError is the requirement without its error codes: any code passes with
// the right status, and so does a body without one.
func ExpectingAnyError(r catalogue.Requirement) catalogue.Requirement {
	r.Expect.Error = nil
	return r
}

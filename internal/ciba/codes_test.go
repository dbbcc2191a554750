package ciba

import "testing"

func TestErrorCodesOfTheEndpoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code          ErrorCode
		starts, known bool
	}{
		{InvalidBindingMessage, true, true},
		{AccessDenied, true, true},
		{InvalidAuthorizationDetails, true, true},
		{AuthorizationPending, false, true},
		{UnsupportedGrantType, false, true},
		{TooManyRequests, false, true},
		{InvalidToken, false, false},
		{"", false, false},
		{"INVALID_REQUEST", false, false},
		{"user_not_found", false, false},
	} {
		if c.code.FitsStart() != c.starts || c.code.Known() != c.known {
			t.Errorf("%q fits the backchannel endpoint: %v, is known: %v; want %v and %v", c.code, c.code.FitsStart(), c.code.Known(), c.starts, c.known)
		}
	}
}

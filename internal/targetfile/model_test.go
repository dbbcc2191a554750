package targetfile

import "testing"

func TestTheFirstHintOfAUserCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user        User
		name, value string
	}{
		{User{LoginHint: "alice", LoginHintToken: "token", IDTokenHint: "old"}, "login_hint", "alice"},
		{User{LoginHintToken: "token", IDTokenHint: "old"}, "login_hint_token", "token"},
		{User{IDTokenHint: "old"}, "id_token_hint", "old"},
		{User{Name: "alice", ExpiredLoginHintToken: "expired"}, "", ""},
	} {
		if name, value := c.user.Hint(); name != c.name || value != c.value {
			t.Errorf("got %s %q, want %s %q", name, value, c.name, c.value)
		}
	}
}

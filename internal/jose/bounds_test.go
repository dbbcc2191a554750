package jose

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// rsaKey is a JWK whose numbers are as long as said, all ones.
func rsaKey(modulusBits, exponentBits int) string {
	ones := func(bits int) string {
		return base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", bits/8)))
	}
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q}`, ones(modulusBits), ones(exponentBits))
}

// What an OP publishes is bounded before anything is computed with it: one RSA key of
// 6,000,000 bits would take hours, and many of an ordinary length would, too.
func TestKeySetsAreBounded(t *testing.T) {
	t.Parallel()
	ordinary := rsaKey(2048, 24)
	for _, c := range []struct {
		name, keys string
		usable     int
		err        string
	}{
		{"ordinary", ordinary, 1, ""},
		{"longest", rsaKey(maxModulus, 24), 1, ""},
		{"longer", rsaKey(maxModulus+8, 24), 0, "an RSA key of 16392 bits"},
		{"far longer", rsaKey(6_000_000, 24), 0, "an RSA key of 6000000 bits"},
		{"long exponent", rsaKey(2048, 65_536), 0, "an RSA exponent of 65536 bits"},
		{"private, published by mistake", strings.Replace(rsaKey(65_536, 24), "}", `,"d":"AQAB","p":"AQAB","q":"AQAB"}`, 1), 0, "an RSA key of 65536 bits"},
		{"a set within the set", `{"keys":[` + ordinary + "," + ordinary + `]}`, 0, ""},
		{"one of two", rsaKey(65_536, 24) + "," + ordinary, 1, ""},
		{"as many as are read", strings.TrimSuffix(strings.Repeat(ordinary+",", maxKeys), ","), maxKeys, ""},
		{"more", strings.TrimSuffix(strings.Repeat("{},", 70_000), ","), 0, "has 70000 keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			keys, err := ParseKeySet([]byte(`{"keys":[` + c.keys + `]}`))
			if len(keys) != c.usable || (err != nil) != (c.err != "") {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			if err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("the error does not say what is wrong: %v", err)
			}
		})
	}
}

// A key that came by another road is not computed with either.
func TestVerifyRefusesOversizedKeys(t *testing.T) {
	t.Parallel()
	keys, err := ParseKeys([]byte(rsaKey(6_000_000, 24)))
	if err != nil {
		t.Fatal(err)
	}
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + ".e30." +
		base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\x7f", 750_000)))
	if _, err := Verify(token, keys, []string{"RS256"}); err == nil || !strings.Contains(err.Error(), ErrSignature.Error()) {
		t.Errorf("got %v", err)
	}
}

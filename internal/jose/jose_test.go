package jose

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestSignedTokensVerify(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			key, err := GenerateKey(alg, "k1")
			if err != nil {
				t.Fatal(err)
			}
			token, err := Sign(nil, map[string]any{"sub": "alice"}, key)
			if err != nil {
				t.Fatal(err)
			}
			keys := []Key{key.Public()}
			if _, err := Verify(token, keys, []string{alg}); err != nil {
				t.Errorf("genuine token: %v", err)
			}
			if _, err := Verify(token, keys, []string{"none"}); err == nil {
				t.Error("an algorithm outside the list was accepted")
			}
			for name, forged := range forgeries(t, token) {
				if _, err := Verify(forged, keys, []string{alg, "none"}); err == nil {
					t.Errorf("%s was accepted", name)
				}
			}
		})
	}
}

func forgeries(t *testing.T, token string) map[string]string {
	t.Helper()
	flipped, err := FlipSignature(token)
	if err != nil {
		t.Fatal(err)
	}
	retold, err := Retell(token, func(_, claims map[string]any) { claims["sub"] = "mallory" })
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := Unsigned(nil, map[string]any{"sub": "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"a flipped signature": flipped, "changed claims": retold, "an unsigned token": unsigned}
}

func TestAlgorithmConfusionIsRefused(t *testing.T) {
	t.Parallel()
	rsaKey, err := GenerateKey("RS256", "k1")
	if err != nil {
		t.Fatal(err)
	}
	public, err := rsaKey.Public().JSON()
	if err != nil {
		t.Fatal(err)
	}
	token, err := Sign(nil, map[string]any{}, SymmetricKey(public, "HS256", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(token, []Key{rsaKey.Public()}, []string{"RS256", "HS256"}); err == nil {
		t.Error("a MAC keyed with the public key was accepted")
	}
}

func TestKeysSurviveJSON(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256", "sig-1")
	if err != nil {
		t.Fatal(err)
	}
	data, err := key.JSON()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(data)
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %d keys and %v", len(keys), err)
	}
	if keys[0].KID() != "sig-1" || keys[0].Alg() != "ES256" || !keys[0].IsPrivate() || keys[0].Public().IsPrivate() {
		t.Errorf("got %v", keys[0])
	}
}

func TestNoKeyMaterialIsPrinted(t *testing.T) {
	t.Parallel()
	key := SymmetricKey([]byte("canary-secret"), "HS256", "k")
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%+v %#v %x", key, key, key), key.LogValue().String()} {
		if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
			t.Errorf("key material in %q", text)
		}
	}
	if _, err := ParseKeys([]byte(`{"kty":"oct","k":canary}`)); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if decoded, err := Decode(token); err == nil && decoded.Claims == nil {
			t.Error("decoded without claims")
		}
	})
}

func TestForeignKeysOfASetAreLeftOut(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("EdDSA", "k1")
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public().WithAlg("Ed25519").JSON()
	if err != nil {
		t.Fatal(err)
	}
	set := `{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"},{"kty":"RSA"},7,` + string(public) + `]}`
	keys, err := ParseKeySet([]byte(set))
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %v, %v; want the one key that can be read", keys, err)
	}
	token, err := Sign(map[string]any{"alg": "Ed25519"}, map[string]any{"sub": "alice"}, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(token, keys, []string{"Ed25519"}); err != nil {
		t.Errorf("a token under the newer name of EdDSA: %v", err)
	}
	for _, text := range []string{`{}`, `[]`, `nothing`, `{"keys":{}}`} {
		if _, err := ParseKeySet([]byte(text)); err == nil {
			t.Errorf("%s passed as a key set", text)
		}
	}
}

func TestEncryptedTokensOpen(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256", "k1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateKey("ES256", "k2")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Encrypt("content", "ECDH-ES+A128KW", key)
	if err != nil {
		t.Fatal(err)
	}
	if !IsEncrypted(sealed) {
		t.Errorf("%q does not look encrypted", sealed)
	}
	if got, err := Decrypt(sealed, []Key{other, key}); err != nil || got != "content" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Decrypt(sealed, []Key{other, key.Public()}); err == nil {
		t.Error("opened without the private key")
	}
	if _, err := Decrypt("e30.a.b.c.d", []Key{key}); err == nil {
		t.Error("opened without an algorithm")
	}
}

func TestCurveFitsTheAlgorithm(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256", "")
	if err != nil {
		t.Fatal(err)
	}
	anonymous := Key{key: key.key, alg: "ES384"}
	token, err := Sign(nil, map[string]any{"sub": "alice"}, anonymous)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(token, []Key{anonymous.Public()}, []string{"ES384"}); err == nil {
		t.Error("ES384 with a P-256 key was accepted")
	}
}

func FuzzForeignText(f *testing.F) {
	key, err := GenerateKey("ES256", "k1")
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := Encrypt("{}", "ECDH-ES", key)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{sealed, "a.b.c", "e30.e30.", `{"keys":[{"kty":"EC"}]}`, `{"keys":[null]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Decode(text)
		_, _ = Decrypt(text, []Key{key})
		keys, _ := ParseKeySet([]byte(text))
		_, _ = Verify(text, append(keys, key), []string{"ES256", "RS256", "EdDSA", "HS256"})
	})
}

// A certificate chain beside a key is what many servers publish.
func TestKeysWithCertificatesAreRead(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "op"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := fromRaw(private, "RS256", "k1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Public().JSON()
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	members["x5c"] = []string{base64.StdEncoding.EncodeToString(der)}
	members["x5t"], members["key_ops"], members["iat"] = "dGh1bWJwcmludA", []string{"verify"}, 1
	set, err := json.Marshal(map[string]any{"keys": []any{members}, "issuer": "https://op.example"})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeySet(set)
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %v, %v; want one key", keys, err)
	}
	token, err := Sign(nil, map[string]any{"sub": "alice"}, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(token, keys, []string{"RS256"}); err != nil {
		t.Error(err)
	}
}

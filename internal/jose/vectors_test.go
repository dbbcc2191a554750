package jose

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"
)

// joe is the payload of RFC 7515 A.1 to A.3 and A.5, byte for byte.
const joe = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

// The keys of RFC 7515 A.1 to A.4 and of RFC 8037 A.1.
const (
	rfc7515A1 = `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`
	rfc7515A2 = `{
	"kty":"RSA",
	"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
	"e":"AQAB",
	"d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
	"p":"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
	"q":"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
	"dp":"BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
	"dq":"h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
	"qi":"IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U"
}`
	rfc7515A3 = `{
	"kty":"EC","crv":"P-256",
	"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
	"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
}`
	rfc7515A4 = `{
	"kty":"EC","crv":"P-521",
	"x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
	"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
	"d":"AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"
}`
	rfc8037A1 = `{
	"kty":"OKP","crv":"Ed25519",
	"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
}`
	rfc8037A2 = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

// published are signatures as the texts print them. Those of ECDSA hold a random
// number, so they can be verified and not made again.
var published = []struct {
	name, alg, key, header, payload, signature string
	repeatable                                 bool
}{
	{"RFC 7515 A.1", "HS256", rfc7515A1, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", joe, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true},
	{
		"RFC 7515 A.2", "RS256", rfc7515A2, `{"alg":"RS256"}`, joe,
		"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG" +
			"bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K" +
			"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6" +
			"LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", true,
	},
	{
		"RFC 7515 A.3", "ES256", rfc7515A3, `{"alg":"ES256"}`, joe,
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", false,
	},
	{
		"RFC 7515 A.4", "ES512", rfc7515A4, `{"alg":"ES512"}`, "Payload",
		"AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp" +
			"EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn", false,
	},
	{
		"RFC 8037 A.4", "EdDSA", rfc8037A1, `{"alg":"EdDSA"}`, "Example of Ed25519 signing",
		"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", true,
	},
}

func keyOf(t *testing.T, text string) Key {
	t.Helper()
	keys, err := ParseKeys([]byte(text))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys[0]
}

func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	for _, v := range published {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			key := keyOf(t, v.key)
			if key.Alg() != v.alg {
				t.Errorf("the usual algorithm of the key is %s, want %s", key.Alg(), v.alg)
			}
			input := encode([]byte(v.header)) + "." + encode([]byte(v.payload))
			signature, err := base64.RawURLEncoding.DecodeString(v.signature)
			if err != nil {
				t.Fatal(err)
			}
			if !verifies(Token{SigningInput: input, Signature: signature}, v.alg, key.Public()) {
				t.Error("the published signature does not verify")
			}
			if verifies(Token{SigningInput: input + "A", Signature: signature}, v.alg, key.Public()) {
				t.Error("the published signature verifies another text")
			}
			made, err := signBytes([]byte(input), key)
			if err != nil {
				t.Fatal(err)
			}
			if v.repeatable && encode(made) != v.signature {
				t.Errorf("signed %s, want %s", encode(made), v.signature)
			}
			if len(made) != len(signature) { // RFC 7518 3.4 wants both halves in full length
				t.Errorf("a signature of %d bytes, want %d", len(made), len(signature))
			}
		})
	}
}

// What is JSON with claims also passes the door that the cases use.
func TestPublishedTokensVerify(t *testing.T) {
	t.Parallel()
	for _, v := range published {
		if v.payload != joe {
			continue
		}
		token := encode([]byte(v.header)) + "." + encode([]byte(v.payload)) + "." + v.signature
		got, err := Verify(token, []Key{keyOf(t, v.key).Public()}, []string{v.alg})
		if err != nil || got.Claims["iss"] != "joe" {
			t.Errorf("%s: %v, %v", v.name, got.Claims, err)
		}
	}
}

func TestPublishedPublicKeyIsThatOfThePrivateOne(t *testing.T) {
	t.Parallel()
	derived, err := keyOf(t, rfc8037A1).Public().JSON()
	if err != nil {
		t.Fatal(err)
	}
	public, err := keyOf(t, rfc8037A2).JSON()
	if err != nil || string(derived) != string(public) {
		t.Errorf("derived %s, published %s, %v", derived, public, err)
	}
}

// RFC 7515 A.5: an unsecured token can be read, and verifies with no key and no list
// of algorithms.
func TestPublishedUnsecuredToken(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	decoded, err := Decode(token)
	if err != nil || decoded.Claims["iss"] != "joe" || len(decoded.Signature) != 0 {
		t.Fatalf("%+v, %v", decoded, err)
	}
	made, err := Unsigned(map[string]any{"typ": nil}, decoded.Claims)
	if err != nil || !strings.HasSuffix(made, ".") {
		t.Errorf("%s, %v", made, err)
	}
	for _, key := range []string{rfc7515A1, rfc7515A2, rfc8037A1} {
		if _, err := Verify(token, []Key{keyOf(t, key)}, []string{"none", "HS256", "RS256", "EdDSA"}); err == nil {
			t.Error("an unsecured token was accepted")
		}
	}
}

// RFC 7518 C: the key that both sides agree on. The token is put together here with
// the published key, by the cipher of the standard library alone.
func TestPublishedKeyAgreement(t *testing.T) {
	t.Parallel()
	const (
		header = `{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{"kty":"EC","crv":"P-256",` +
			`"x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`
		bob = `{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",` +
			`"y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
		agreed = "VqqN6vgjbSBcIijNcacQGg"
	)
	secret, err := base64.RawURLEncoding.DecodeString(agreed)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, iv, []byte("content"), []byte(encode([]byte(header))))
	body, tag := sealed[:len(sealed)-gcm.Overhead()], sealed[len(sealed)-gcm.Overhead():]
	token := strings.Join([]string{encode([]byte(header)), "", encode(iv), encode(body), encode(tag)}, ".")
	if !IsEncrypted(token) {
		t.Errorf("%s does not look encrypted", token)
	}
	if got, err := Decrypt(token, []Key{keyOf(t, bob)}); err != nil || got != "content" {
		t.Errorf("got %q, %v", got, err)
	}
}

// OIDC Core 3.1.3.6 and A.4 print at_hash and c_hash for RS256. The others were
// computed by another program, and are computed here by the standard library.
func TestLeftHalfHash(t *testing.T) {
	t.Parallel()
	const (
		accessToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
		code        = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"
	)
	for _, c := range []struct {
		algs        []string
		hash        func() hash.Hash
		value, want string
	}{
		{[]string{"RS256", "PS256", "ES256", "HS256"}, sha256.New, accessToken, "77QmUPtjPfzWtF2AnpK9RQ"},
		{[]string{"RS384", "PS384", "ES384", "HS384"}, sha512.New384, accessToken, "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"},
		{[]string{"RS512", "PS512", "ES512", "HS512", "EdDSA", "Ed25519"}, sha512.New, accessToken, "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"},
		{[]string{"RS256"}, sha256.New, code, "LDktKdoQak3Pk0cnXxCltA"},
		{[]string{"ES384"}, sha512.New384, code, "Mq-knyaEMtWGfnBi2POEZb1kiLx10_DF"},
		{[]string{"EdDSA"}, sha512.New, code, "E9z1C-c0Az4eTEzE0Nm3OQ3BS2BhMgxuP7x5JAQj1_4"},
	} {
		h := c.hash()
		h.Write([]byte(c.value))
		if half := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:h.Size()/2]); half != c.want {
			t.Errorf("the vector for %v is %s, the standard library has %s", c.algs, c.want, half)
		}
		for _, alg := range c.algs {
			if got, err := LeftHalfHash(alg, c.value); err != nil || got != c.want {
				t.Errorf("%s: got %q and %v, want %q", alg, got, err, c.want)
			}
		}
	}
	for _, alg := range []string{"none", "", "ES256K", "Ed448"} {
		if got, err := LeftHalfHash(alg, code); err == nil {
			t.Errorf("%q has the hash %q", alg, got)
		}
	}
}

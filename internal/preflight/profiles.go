package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// claimRule is how it is known that an OP claims a profile.
type claimRule struct {
	profile string

	// target reports whether the target file has what it takes to judge the profile, and
	// tells what. A claim by the target file weighs more than one by metadata.
	target func(*Facts) (has bool, what string)

	// offered reports whether the OP's metadata offers it, and tells where. nil: metadata
	// cannot tell.
	offered func(*Facts) (has bool, where string)
}

// claimRules has one row for every profile of the catalogue, in its order.
var claimRules = []claimRule{
	{"poll", clientOfMode(targetfile.DeliveryPoll), modeOffered(targetfile.DeliveryPoll)},
	{"ping", clientOfMode(targetfile.DeliveryPing), modeOffered(targetfile.DeliveryPing)},
	{"push", clientOfMode(targetfile.DeliveryPush), modeOffered(targetfile.DeliveryPush)},
	{"rar", rarTypesKnown, published("authorization_details_types_supported")},
	{"jwt-clients", clientThat("authenticates by a JWT", func(c targetfile.Client) bool {
		return Ordinary(c) && (c.AuthMethod == targetfile.AuthPrivateKeyJWT || c.AuthMethod == targetfile.AuthClientSecretJWT)
	}), methodOffered(targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT)},
	{"user-code", func(f *Facts) (bool, string) {
		inUse, _ := userCodesInUse(f)
		return inUse, "a user has a code, and a client sends it"
	}, func(f *Facts) (bool, string) {
		return offersUserCode(f), "backchannel_user_code_parameter_supported is true"
	}},
	{
		"signed-requests", clientThat("signs its requests", func(c targetfile.Client) bool { return c.RequestSigningAlg != "" }),
		published(requestAlgorithms),
	},
	{"dpop", declared(catalogue.NeedDPoPBoundClient), published("dpop_signing_alg_values_supported")},
	{
		"mtls", clientThat("authenticates by a certificate", targetfile.Client.ByCertificate),
		methodOffered(targetfile.AuthTLS, targetfile.AuthSelfSignedTLS),
	},
	{"registration", declared(catalogue.NeedDCR), func(f *Facts) (bool, string) {
		return endpointKnown(f.Target.Endpoints.Registration, "registration_endpoint")
	}},
	{"fapi-ciba", declared(catalogue.NeedFAPICIBA), nil},
}

// Claims are the profiles that the OP claims. Where the user told some, they are these;
// else they are what the target file is made for and what the metadata offers. The verdicts
// are still to come.
func (f *Facts) Claims(told []string) []result.Profile {
	var claims []result.Profile
	for _, rule := range claimRules {
		p, _ := catalogue.Must().Profile(rule.profile)
		claim := result.Profile{ID: p.ID, Title: p.Title, Minimum: len(p.Minimum)}
		claim.Claim, claim.Because = rule.claim(f)
		if slices.Contains(told, p.ID) {
			claim.Claim, claim.Because = result.ClaimTold, "named by --profile"
		}
		if claim.Claim != "" && (len(told) == 0 || claim.Claim == result.ClaimTold) {
			claims = append(claims, claim)
		}
	}
	return claims
}

// without is what the target file lacks to have a profile judged.
func (f *Facts) without(profile string) string {
	i := slices.IndexFunc(claimRules, func(r claimRule) bool { return r.profile == profile })
	_, lacks := claimRules[i].target(f)
	return lacks
}

func (r claimRule) claim(f *Facts) (source result.ClaimSource, because string) {
	if has, what := r.target(f); has {
		return result.ClaimTarget, what
	}
	if r.offered == nil {
		return "", ""
	}
	if has, where := r.offered(f); has {
		return result.ClaimMetadata, where
	}
	return "", ""
}

func clientThat(does string, fits func(targetfile.Client) bool) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		i := slices.IndexFunc(f.Target.Clients, fits)
		if i < 0 {
			return false, "no client in the target file " + does
		}
		return true, fmt.Sprintf("client %q %s", f.Target.Clients[i].Name, does)
	}
}

func clientOfMode(mode string) func(*Facts) (bool, string) {
	return clientThat("is for "+mode, func(c targetfile.Client) bool {
		return c.CIBA && c.Purpose == targetfile.PurposeRP && c.DeliveryMode == mode
	})
}

func modeOffered(mode string) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		const member = "backchannel_token_delivery_modes_supported"
		return slices.Contains(f.Discovery.Strings(member), mode), member + " has " + mode
	}
}

func methodOffered(methods ...string) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		const member = "token_endpoint_auth_methods_supported"
		offered := slices.DeleteFunc(f.Discovery.Strings(member), func(m string) bool { return !slices.Contains(methods, m) })
		return len(offered) > 0, member + " has " + strings.Join(offered, " and ")
	}
}

// declared holds where the capabilities of the target file say so.
func declared(n catalogue.Need) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		return f.Target.Capabilities[n], fmt.Sprintf("capabilities.%s is true", n)
	}
}

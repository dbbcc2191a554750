package ciba

// ErrorCode is the value of an error member.
type ErrorCode string

// The error codes of CIBA Core 11 and 13 and of RFC 6749 5.2.
const (
	AuthorizationPending  ErrorCode = "authorization_pending"
	SlowDown              ErrorCode = "slow_down"
	AccessDenied          ErrorCode = "access_denied"
	ExpiredToken          ErrorCode = "expired_token"
	TransactionFailed     ErrorCode = "transaction_failed"
	InvalidGrant          ErrorCode = "invalid_grant"
	InvalidRequest        ErrorCode = "invalid_request"
	InvalidClient         ErrorCode = "invalid_client"
	UnauthorizedClient    ErrorCode = "unauthorized_client"
	UnsupportedGrantType  ErrorCode = "unsupported_grant_type"
	InvalidScope          ErrorCode = "invalid_scope"
	ExpiredLoginHintToken ErrorCode = "expired_login_hint_token"
	UnknownUserID         ErrorCode = "unknown_user_id"
	MissingUserCode       ErrorCode = "missing_user_code"
	InvalidUserCode       ErrorCode = "invalid_user_code"
	InvalidBindingMessage ErrorCode = "invalid_binding_message"
)

// Codes of extensions that an OP with CIBA may support.
const (
	InvalidAuthorizationDetails     ErrorCode = "invalid_authorization_details"     // RFC 9396 5
	InvalidTarget                   ErrorCode = "invalid_target"                    // RFC 8707 2
	InvalidDPoPProof                ErrorCode = "invalid_dpop_proof"                // RFC 9449 5
	UseDPoPNonce                    ErrorCode = "use_dpop_nonce"                    // RFC 9449 8
	UnmetAuthenticationRequirements ErrorCode = "unmet_authentication_requirements" // OIDC Unmet Authentication Requirements
	InvalidRequestObject            ErrorCode = "invalid_request_object"            // OIDC Core 3.1.2.6
	RequestNotSupported             ErrorCode = "request_not_supported"             // OIDC Core 3.1.2.6
	RequestURINotSupported          ErrorCode = "request_uri_not_supported"         // OIDC Core 3.1.2.6
	InvalidToken                    ErrorCode = "invalid_token"                     // RFC 6750 3.1, of resource servers only
)

// Codes that say something about the server and not about the request. RFC 6749
// defines two of them for another endpoint, yet servers use them anywhere.
const (
	ServerError            ErrorCode = "server_error"            // RFC 6749 4.1.2.1
	TemporarilyUnavailable ErrorCode = "temporarily_unavailable" // RFC 6749 4.1.2.1
	TooManyRequests        ErrorCode = "too_many_requests"       // in use, in no specification
)

// startCodes are those of the backchannel authentication endpoint.
var startCodes = setOf(
	InvalidRequest, InvalidScope, ExpiredLoginHintToken, UnknownUserID, UnauthorizedClient, MissingUserCode, InvalidUserCode,
	InvalidBindingMessage, InvalidClient, AccessDenied, InvalidAuthorizationDetails, InvalidTarget, InvalidDPoPProof, UseDPoPNonce,
	UnmetAuthenticationRequirements, ServerError, TemporarilyUnavailable,
)

// otherCodes are those of the token endpoint that the backchannel authentication
// endpoint does not have, and those of request objects.
var otherCodes = setOf(
	AuthorizationPending, SlowDown, ExpiredToken, TransactionFailed, InvalidGrant, UnsupportedGrantType, TooManyRequests,
	InvalidRequestObject, RequestNotSupported, RequestURINotSupported,
)

func setOf(codes ...ErrorCode) map[ErrorCode]bool {
	set := make(map[ErrorCode]bool, len(codes))
	for _, code := range codes {
		set[code] = true
	}
	return set
}

// FitsStart reports whether a backchannel authentication endpoint may answer with
// the code: CIBA Core 13 lists it, or an extension registers it for any endpoint.
func (c ErrorCode) FitsStart() bool { return startCodes[c] }

// Known reports whether some specification, or wide use, lets one of the two
// endpoints of CIBA answer with the code.
func (c ErrorCode) Known() bool { return startCodes[c] || otherCodes[c] }

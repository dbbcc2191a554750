"""An agent that pays a bill once its user has approved the payment on their phone.

    python agent.py 50.00 USD ExampleCorp

Nothing here knows whether AUTH0_DOMAIN is a tenant of Auth0 or `cibatest op --persona auth0`.
"""

import json
import os
import sys
import time

from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.get_token import GetToken
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier

DOMAIN = os.environ.get("AUTH0_DOMAIN", "localhost:9443")
CLIENT = {
    "domain": DOMAIN,
    "client_id": os.environ.get("AUTH0_CLIENT_ID", "payment-agent"),
    "client_secret": os.environ.get("AUTH0_CLIENT_SECRET", "any-secret-will-do"),
}
USER = os.environ.get("AUTH0_USER", "auth0|alice")
API = os.environ.get("AUTH0_AUDIENCE", "https://payments.example/")


def main(amount, currency, payee):
    payment = {"type": "payment", "amount": float(amount), "currency": currency, "creditor": {"name": payee}}
    try:
        tokens = approval(f"Pay {amount} {currency} to {payee}", payment)
    except Auth0Error as refused:
        sys.exit(f"not paid: {refused.error_code}: {refused.message}")
    user = verified(tokens["id_token"])["sub"]
    # The user may have approved less than was asked for, and the API will look, too.
    granted = tokens.get("authorization_details", [])
    if payment not in granted:
        sys.exit(f"not paid: {user} approved {granted}")
    pay(payment, tokens["access_token"])
    print(f"paid: {amount} {currency} to {payee}, approved by {user}")


def approval(message, payment):
    """Asks the user and waits for the answer. What is not an approval is raised as Auth0Error."""
    started = BackChannelLogin(**CLIENT).back_channel_login(
        binding_message=message,
        login_hint=json.dumps({"format": "iss_sub", "iss": f"https://{DOMAIN}/", "sub": USER}),
        scope="openid payments:write",
        audience=API,
        authorization_details=[payment],
        requested_expiry=300,
    )
    print(f"asked {USER} to approve: {message}", flush=True)
    wait = started["interval"]
    while True:
        time.sleep(wait)
        try:
            return GetToken(**CLIENT).backchannel_login(auth_req_id=started["auth_req_id"])
        except Auth0Error as answer:
            if answer.error_code == "slow_down":
                wait += 5
            elif answer.error_code != "authorization_pending":
                raise


def verified(id_token):
    """The claims of an ID Token, which nobody should believe before."""
    keys = AsymmetricSignatureVerifier(f"https://{DOMAIN}/.well-known/jwks.json")
    return TokenVerifier(keys, f"https://{DOMAIN}/", CLIENT["client_id"]).verify(id_token)


def pay(payment, access_token):
    """Here your agent calls your API, with the access token as bearer."""


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python agent.py AMOUNT CURRENCY PAYEE")
    main(*sys.argv[1:])

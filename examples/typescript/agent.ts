// An agent that pays a bill once its user has approved the payment on their phone.
//
//   npm start -- 50.00 USD ExampleCorp
//
// Nothing here knows whether AUTH0_DOMAIN is a tenant of Auth0 or `cibatest op --persona auth0`.
import { isDeepStrictEqual } from "node:util";
import { AuthClient, BackchannelAuthenticationError } from "@auth0/auth0-auth-js";

const {
  AUTH0_DOMAIN = "localhost:9443",
  AUTH0_CLIENT_ID = "payment-agent",
  AUTH0_CLIENT_SECRET = "any-secret-will-do",
  AUTH0_USER = "auth0|alice",
  AUTH0_AUDIENCE = "https://payments.example/",
} = process.env;

const auth0 = new AuthClient({ domain: AUTH0_DOMAIN, clientId: AUTH0_CLIENT_ID, clientSecret: AUTH0_CLIENT_SECRET });

interface Payment {
  readonly type: "payment";
  readonly amount: number;
  readonly currency: string;
  readonly creditor: { readonly name: string };
}

async function main(amount: string, currency: string, payee: string) {
  const payment: Payment = { type: "payment", amount: Number(amount), currency, creditor: { name: payee } };
  const tokens = await approval(`Pay ${amount} ${currency} to ${payee}`, payment);
  // The user may have approved less than was asked for, and the API will look, too.
  const granted = tokens.authorizationDetails ?? [];
  if (!granted.some((object) => isDeepStrictEqual(object, payment))) {
    throw new Error(`${tokens.claims?.sub} approved ${JSON.stringify(granted)}`);
  }
  await pay(payment, tokens.accessToken);
  console.log(`paid: ${amount} ${currency} to ${payee}, approved by ${tokens.claims?.sub}`);
}

// approval asks the user, waits for the answer, and validates the ID Token.
function approval(message: string, payment: Payment) {
  console.log(`asked ${AUTH0_USER} to approve: ${message}`);
  return auth0.backchannelAuthentication({
    bindingMessage: message,
    loginHint: { sub: AUTH0_USER },
    authorizationDetails: [{ ...payment }],
    requestedExpiry: 300,
    authorizationParams: { scope: "openid payments:write", audience: AUTH0_AUDIENCE },
  });
}

// pay is where your agent calls your API, with the access token as bearer.
async function pay(_payment: Payment, _accessToken: string) {}

// reason is why there is no approval: in the OP's words where it was the OP who said no, else in the SDK's,
// for example when the time is over.
function reason(error: unknown): string {
  if (error instanceof BackchannelAuthenticationError && error.cause) {
    const { error: code, error_description: description, message } = error.cause;
    return code ? `${code}: ${description}` : String(message);
  }
  return error instanceof Error ? error.message : String(error);
}

const [amount, currency, payee] = process.argv.slice(2);
if (!amount || !currency || !payee) {
  console.error("usage: npm start -- AMOUNT CURRENCY PAYEE");
  process.exit(2);
}
main(amount, currency, payee).catch((error) => {
  console.error(`not paid: ${reason(error)}`);
  process.exitCode = 1;
});

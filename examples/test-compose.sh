#!/usr/bin/env bash
# Starts compose.yaml, carries a payment through as an agent would, and ends it again. It needs a container
# engine and bin/cibatest:  .ci/engine examples/test-compose.sh
set -euo pipefail
cd "$(dirname "$0")"
export COMPOSE_PROJECT_NAME=cibatest-example-$$ CIBATEST_DEVICE_TOKEN=token-of-the-test

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

if ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-compose >/dev/null
fi
trap 'compose logs | tail -n 20; compose down --rmi local' EXIT
compose up -d --build

op() { curl -sS --fail-with-body --cacert ca/ca.pem "$@"; }
device() { curl -sS --fail-with-body -H "Authorization: Bearer $CIBATEST_DEVICE_TOKEN" -H 'Content-Type: application/json' "$@"; }

for _ in $(seq 100); do
  op -o /dev/null https://localhost:9443/.well-known/openid-configuration 2>/dev/null && break
  sleep 0.2
done
who=(-d client_id=payment-agent -d client_secret=any)
asked=$(op https://localhost:9443/bc-authorize "${who[@]}" -d scope=openid -d 'binding_message=Pay 50.00 USD' \
  -d audience=https://payments.example/ --data-urlencode 'login_hint={"format":"iss_sub","iss":"https://localhost:9443/","sub":"auth0|alice"}' \
  --data-urlencode 'authorization_details=[{"type":"payment","amount":50}]')
id=$(sed 's/.*"auth_req_id":"\([^"]*\)".*/\1/' <<<"$asked")
device -X POST -d '{"decision":"approve"}' "http://127.0.0.1:9003/v1/requests/$id/decision"
tokens=$(op https://localhost:9443/oauth/token "${who[@]}" -d grant_type=urn:openid:params:grant-type:ciba -d "auth_req_id=$id")
grep -q '"access_token":' <<<"$tokens" || { echo "no tokens: $tokens" >&2; exit 1; }
status=$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9003/v1/requests)
[ "$status" = 401 ] || { echo "the device answers $status to who has no token" >&2; exit 1; }
echo "the payment of compose.yaml was approved"

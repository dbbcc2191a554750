// The scenario of the benchmark for k6: start, poll until the tokens come. Each
// virtual user drives one flow after the other, as the closed run of cibatest does.
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const base = __ENV.BASE;
const interval = parseFloat(__ENV.INTERVAL);
const params = { headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json', Authorization: 'Basic YmVuY2g6YmVuY2gtc2VjcmV0LW9mLW5vYm9keQ==' }, responseCallback: null };

export const options = { vus: parseInt(__ENV.VUS), duration: __ENV.LENGTH, discardResponseBodies: false, summaryTrendStats: ['med', 'p(99)', 'p(99.9)'] };

const sent = new Counter('sent');
const flows = new Counter('flows');
const initiate = new Trend('initiate', true);
const pending = new Trend('pending', true);
const redeem = new Trend('redeem', true);

export default function () {
  const ack = http.post(`${base}/start`, 'scope=openid&login_hint=alice', params);
  sent.add(1);
  initiate.add(ack.timings.duration);
  const id = encodeURIComponent(ack.json('auth_req_id'));
  for (;;) {
    sleep(interval);
    const answer = http.post(`${base}/token`, `grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=${id}`, params);
    sent.add(1);
    if (answer.status === 200 && answer.json('access_token')) {
      redeem.add(answer.timings.duration);
      flows.add(1);
      return;
    }
    pending.add(answer.timings.duration);
    if (answer.json('error') !== 'authorization_pending') return;
  }
}

export function handleSummary(data) {
  const count = (name) => (data.metrics[name] ? data.metrics[name].values.count : 0);
  return { stdout: JSON.stringify({ requests: count('sent'), flows: count('flows') }) + '\n' };
}

// k6 run -e PROFILE=smoke k6/main.js — see README.md beside this file.
import http from 'k6/http';
import exec from 'k6/execution';

import { TOKENS, optionsOf } from './config.js';
import { BASE_URL, account, parsed } from './helpers.js';

export { health } from './scenarios/health.js';
export { streamsList as streams_list } from './scenarios/streams-list.js';
export { streamsGet as streams_get } from './scenarios/streams-get.js';
export { streamsCreate as streams_create } from './scenarios/streams-create.js';
export { streamsCancel as streams_cancel } from './scenarios/streams-cancel.js';
export { events } from './scenarios/events.js';
export { treasury } from './scenarios/treasury.js';
export { webhooks } from './scenarios/webhooks.js';
export { compat } from './scenarios/compat.js';
export { ingest } from './scenarios/ingest.js';
export { rewind } from './scenarios/rewind.js';

export const options = optionsOf(__ENV);

/** Checks that the server accepts the load, and returns the data that every scenario needs. */
export function setup() {
  const health = http.get(`${BASE_URL}/health`);
  if (health.status !== 200) {
    exec.test.abort(`${BASE_URL}/health answers ${health.status}: is the server running? (-e K6_BASE_URL=…)`);
  }
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  for (const [scenario, token] of Object.entries(TOKENS)) {
    if (!options.scenarios[scenario]) {
      console.log(`the scenario ${scenario} is skipped: pass -e ${token}=… to run it`);
    }
  }
  return { run, stream: firstStream(run), chain: { ledger: tipOf(parsed(health)) } };
}

/** A stream to read before any scenario has created one. */
function firstStream(run) {
  const body = {
    sender: account(1),
    recipient: account(2),
    depositAmount: '1000000',
    ratePerSecond: '0.001',
  };
  const created = http.post(`${BASE_URL}/api/streams`, JSON.stringify(body), {
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `k6-${run}-first` },
  });
  if (created.status !== 201) {
    exec.test.abort(`a stream cannot be created (${created.status}: ${created.body})`);
  }
  return created.json();
}

/** The server's tip: pushed ledgers continue its chain and never contradict it. */
function tipOf({ indexer }) {
  return indexer.tip ? indexer.tip.ledger || indexer.tip : 0;
}

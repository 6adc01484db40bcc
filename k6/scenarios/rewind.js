// POST /api/admin/indexer/rewind: a rewind to a ledger that no chain has reached. It is refused and changes nothing.
// GET /metrics, as a collector requests it.
import { sleep } from 'k6';

import { expect, hasCode } from '../helpers.js';

const LAST_LEDGER = 4294967295;

export function rewind({ run }) {
  const headers = { 'x-operator-token': __ENV.OPERATOR_TOKEN };
  expect(409, 'POST', '/api/admin/indexer/rewind', {
    headers,
    body: { toLedger: LAST_LEDGER, reason: `load test ${run}` },
    claims: { 'has nothing to undo': hasCode('CONFLICT') },
  });
  expect(200, 'GET', '/metrics', { headers });
  sleep(0.5);
}

// POST /api/admin/indexer/rewind: a rewind to a ledger that no chain has reached. It is refused and changes nothing.
import { sleep } from 'k6';

import { expect, hasCode } from '../helpers.js';

const LAST_LEDGER = 4294967295;

export function rewind({ run }) {
  expect(409, 'POST', '/api/admin/indexer/rewind', {
    headers: { 'x-operator-token': __ENV.OPERATOR_TOKEN },
    body: { toLedger: LAST_LEDGER, reason: `load test ${run}` },
    claims: { 'has nothing to undo': hasCode('CONFLICT') },
  });
  sleep(0.5);
}

// POST /api/admin/indexer/rewind: a rewind to a ledger that no chain has reached. It is refused and changes nothing.
// GET /api/admin/audit: a page of the audit log.
// /api/admin/keys: no key is created, because the first one closes open writes. GET /metrics, as a collector requests it.
// GET and PUT /api/admin/log-level: the level is set to what it is.
import { sleep } from 'k6';

import { expect, hasCode } from '../helpers.js';

const LAST_LEDGER = 4294967295;
const keys = '/api/admin/keys';
const nowhere = '01930000-0000-7000-8000-00000000ffff';

export function rewind({ run }) {
  const headers = { 'x-operator-token': __ENV.OPERATOR_TOKEN };
  expect(409, 'POST', '/api/admin/indexer/rewind', {
    headers,
    body: { toLedger: LAST_LEDGER, reason: `load test ${run}` },
    claims: { 'has nothing to undo': hasCode('CONFLICT') },
  });
  expect(200, 'GET', keys, { headers });
  expect(400, 'POST', keys, { headers, body: { name: 'load', role: 'nobody' } });
  expect(404, 'GET', `${keys}/${nowhere}`, { headers, name: `${keys}/{id}` });
  expect(404, 'DELETE', `${keys}/${nowhere}`, { headers, name: `${keys}/{id}` });
  expect(404, 'POST', `${keys}/${nowhere}/rotate`, { headers, name: `${keys}/{id}/rotate` });
  expect(200, 'GET', '/api/admin/audit', { headers });
  expect(200, 'GET', '/metrics', { headers });
  const { level } = expect(200, 'GET', '/api/admin/log-level', { headers }) || {};
  expect(200, 'PUT', '/api/admin/log-level', { headers, body: { level } });
  sleep(0.5);
}

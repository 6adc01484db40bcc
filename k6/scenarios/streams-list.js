// GET /api/streams: the first page, the next page, and a filtered page.
import { sleep } from 'k6';

import { expect } from '../helpers.js';

const LIMIT = 20;

const page = {
  'has streams': ({ streams }) => Array.isArray(streams) && streams.length <= LIMIT,
  'hasMore agrees with nextCursor': ({ hasMore, nextCursor }) => hasMore === (nextCursor !== undefined),
  'amounts are strings': ({ streams }) => streams.every((stream) => typeof stream.depositAmount === 'string'),
};

export function streamsList() {
  const name = '/api/streams';
  const first = expect(200, 'GET', `/api/streams?limit=${LIMIT}`, { name, claims: page });
  if (first && first.hasMore) {
    const seen = first.streams.map(({ id }) => id);
    const next = { 'repeats no stream': ({ streams }) => streams.every(({ id }) => !seen.includes(id)) };
    expect(200, 'GET', `/api/streams?limit=${LIMIT}&cursor=${first.nextCursor}`, {
      name,
      claims: Object.assign(next, page),
    });
  }
  const active = { 'has active streams only': ({ streams }) => streams.every(({ status }) => status === 'active') };
  expect(200, 'GET', `/api/streams?limit=${LIMIT}&status=active`, { name, claims: Object.assign(active, page) });
  sleep(0.5);
}

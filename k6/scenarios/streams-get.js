// GET /api/streams/{id}: a stream of the list, now and at another instant, its history, and an unknown stream.
import { sleep } from 'k6';

import { expect, hasCode, seedOfIteration, stroops } from '../helpers.js';

const name = '/api/streams/{id}';

/** streamed + remaining + refunded = deposit, at every instant. */
const addsUp = (stream) =>
  stroops(stream.streamedAmount) + stroops(stream.remainingAmount) + stroops(stream.refundedAmount) ===
  stroops(stream.depositAmount);

/** Above this limit a JavaScript number is not exact. */
const canBeAdded = (stream) => stroops(stream.depositAmount) <= Number.MAX_SAFE_INTEGER;

export function streamsGet({ run, stream }) {
  const list = expect(200, 'GET', '/api/streams?limit=20&origin=api', { name: '/api/streams' });
  const streams = list ? list.streams.filter(canBeAdded) : [];
  const chosen = streams.length ? streams[seedOfIteration() % streams.length] : stream;
  const path = `/api/streams/${chosen.id}`;
  const claims = { 'has the requested id': ({ id }) => id === chosen.id, 'its amounts add up': addsUp };
  expect(200, 'GET', path, { name, claims });
  expect(200, 'GET', `${path}?at=${chosen.startTime + 86400}`, { name, claims });
  expect(200, 'GET', `${path}/events`, {
    name: `${name}/events`,
    claims: { 'begins with its creation': ({ events }) => events[0].type === 'stream.created' },
  });
  expect(404, 'GET', `/api/streams/none-of-${run}`, { name, claims: { 'is NOT_FOUND': hasCode('NOT_FOUND') } });
  sleep(0.5);
}

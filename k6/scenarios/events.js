// GET /api/events: the newest pages, a filter, a long poll that is answered at once, a position of the future, and the
// proof of an unknown event.
import { sleep } from 'k6';

import { expect, hasCode } from '../helpers.js';

const name = '/api/events';

/** Every event has a later position than the one before it, none after `next`. */
const inOrder = ({ events, next }) =>
  events.every(({ sequence }, n) => sequence <= next && (n === 0 || sequence > events[n - 1].sequence));

export function events({ stream }) {
  const claims = { 'is in order': inOrder };
  const end = expect(200, 'GET', '/api/events?after=now', { name, claims });
  const head = end ? end.head : 0;
  const before = Math.max(0, head - 50);
  expect(200, 'GET', `/api/events?after=${before}&limit=100&wait=1`, { name, claims });
  expect(200, 'GET', `/api/events?after=${before}&type=stream.cancelled`, { name, claims });
  expect(200, 'GET', `/api/streams/${stream.id}/events?after=0`, {
    name: '/api/streams/{id}/events',
    claims: { 'is of the stream': ({ events: found }) => found.every(({ streamId }) => streamId === stream.id) },
  });
  expect(400, 'GET', `/api/events?after=${head + 1_000_000_000}`, {
    name,
    claims: { 'is refused': hasCode('VALIDATION_ERROR') },
  });
  expect(404, 'GET', '/api/events/none/proof', {
    name: '/api/events/{id}/proof',
    claims: { 'is NOT_FOUND': hasCode('NOT_FOUND') },
  });
  sleep(0.5);
}

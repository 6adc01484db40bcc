// DELETE /api/streams/{id}: cancels a new stream, then cancels it again.
import { sleep } from 'k6';

import { expect, hasCode, idempotencyKey, seedOfIteration, stroops, terms } from '../helpers.js';

const name = '/api/streams/{id}';

const nothingIsLost = (stream) =>
  stroops(stream.streamedAmount) + stroops(stream.refundedAmount) === stroops(stream.depositAmount);

export function streamsCancel({ run }) {
  const headers = { 'Idempotency-Key': idempotencyKey(run) };
  const stream = expect(201, 'POST', '/api/streams', { body: terms(seedOfIteration()), headers });
  if (stream) {
    const path = `/api/streams/${stream.id}`;
    expect(200, 'DELETE', path, {
      name,
      claims: {
        'is cancelled': ({ status, cancelledAt }) => status === 'cancelled' && Boolean(cancelledAt),
        'refunds what has not streamed': nothingIsLost,
      },
    });
    expect(409, 'DELETE', path, { name, claims: { 'only once': hasCode('CONFLICT') } });
  }
  sleep(0.5);
}

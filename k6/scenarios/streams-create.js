// POST /api/streams: a stream, the same request again, and an empty body.
import { sleep } from 'k6';

import { expect, hasCode, idempotencyKey, seedOfIteration, terms } from '../helpers.js';

const NEEDED = ['sender', 'recipient', 'depositAmount', 'ratePerSecond'];

export function streamsCreate({ run }) {
  const body = terms(seedOfIteration());
  const headers = { 'Idempotency-Key': idempotencyKey(run) };
  const stream = expect(201, 'POST', '/api/streams', {
    body,
    headers,
    claims: {
      'keeps the terms as sent': (answer) => NEEDED.every((field) => answer[field] === body[field]),
      'has its Location': ({ id }, { headers: { Location } }) => Location === `/api/streams/${id}`,
    },
  });
  if (stream) {
    expect(201, 'POST', '/api/streams', {
      body,
      headers,
      claims: {
        'the same key creates nothing': ({ id }) => id === stream.id,
        'is marked as a replay': (_, answer) => answer.headers['Idempotency-Replayed'] === 'true',
      },
    });
  }
  expect(400, 'POST', '/api/streams', {
    body: {},
    claims: {
      'refuses an empty body': hasCode('VALIDATION_ERROR'),
      'names every field': ({ error }) =>
        NEEDED.every((needed) => error.details.some(({ field, code }) => field === needed && code === 'REQUIRED')),
    },
  });
  sleep(0.5);
}

// GET /api/treasury/summary and /api/recipients/{address}/summary of the parties of one stream, its segments and its
// explanation.
import { sleep } from 'k6';

import { expect } from '../helpers.js';

const TREASURY = '/api/treasury/summary';

const hasAssets = ({ assets }) => assets.length > 0;

export function treasury({ stream }) {
  expect(200, 'GET', `${TREASURY}?treasury=${stream.sender}`, { name: TREASURY, claims: { 'has assets': hasAssets } });
  expect(200, 'GET', `/api/recipients/${stream.recipient}/summary`, {
    name: '/api/recipients/{address}/summary',
    claims: { 'has assets': hasAssets },
  });
  expect(200, 'GET', `/api/streams/${stream.id}/segments`, {
    name: '/api/streams/{id}/segments',
    claims: { 'has segments': ({ segments }) => segments.length > 0 },
  });
  expect(200, 'GET', `/api/streams/${stream.id}/explain`, {
    name: '/api/streams/{id}/explain',
    claims: { 'is of the stream': ({ id }) => id === stream.id },
  });
  sleep(0.5);
}

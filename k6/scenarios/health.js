// GET /health, /health/live and /health/ready, as a load balancer requests them, GET /, /openapi.json and /docs.
import { sleep } from 'k6';

import { expect } from '../helpers.js';

export function health() {
  expect(200, 'GET', '/health', {
    claims: {
      // `degraded` still serves: indexing may lag behind.
      'serves': ({ status }) => status === 'ok' || status === 'degraded',
      'names the service': ({ service }) => service === 'fluxora-backend',
      'reports the indexer': ({ indexer }) => typeof indexer.summary === 'string' && 'lagMs' in indexer,
    },
  });
  expect(200, 'GET', '/health/live', { claims: { 'is alive': ({ status }) => status === 'alive' } });
  expect(200, 'GET', '/health/ready', { claims: { 'is ready': ({ status }) => status === 'ready' } });
  expect(200, 'GET', '/', { claims: { 'links to the streams': ({ links }) => links.streams === '/api/streams' } });
  expect(200, 'GET', '/openapi.json', { claims: { 'is OpenAPI 3.1': ({ openapi }) => openapi === '3.1.0' } });
  expect(200, 'GET', '/docs');
  sleep(0.5);
}

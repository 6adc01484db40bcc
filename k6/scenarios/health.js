// GET /health, as a load balancer requests it.
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
  sleep(0.5);
}

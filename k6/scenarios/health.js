// GET /health, as a load balancer asks it.
import { sleep } from 'k6';

import { expect } from '../helpers.js';

export function health() {
  expect(200, 'GET', '/health', {
    claims: {
      // A late indexer makes it `degraded`, which serves as well.
      'serves': ({ status }) => status === 'ok' || status === 'degraded',
      'names the service': ({ service }) => service === 'fluxora-backend',
      'tells about the indexer': ({ indexer }) => typeof indexer.summary === 'string' && 'lagMs' in indexer,
    },
  });
  sleep(0.5);
}

// /api/webhooks: an endpoint that nothing is sent to, from its creation to its end, and its deliveries and replays.
import { sleep } from 'k6';

import { expect, hasCode, idempotencyKey } from '../helpers.js';

const endpoints = '/api/webhooks/endpoints';
const deliveries = '/api/webhooks/deliveries';
const replays = '/api/webhooks/replays';
const nowhere = '01930000-0000-7000-8000-00000000ffff';
const notFound = { 'is not found': hasCode('NOT_FOUND') };

export function webhooks({ run }) {
  const headers = { 'Idempotency-Key': idempotencyKey(run) };
  // No event of the load has this type, and no name ends with .invalid.
  const body = { url: 'https://receiver.invalid/k6', filter: { types: ['stream.removed'] }, description: run };
  const endpoint = expect(201, 'POST', endpoints, {
    headers,
    body,
    claims: { 'shows its secret': ({ secret }) => secret.startsWith('whsec_') },
  });
  expect(400, 'POST', endpoints, {
    body: { url: 'https://127.0.0.1/' },
    claims: { 'is refused': ({ error }) => error.details[0].code === 'URL_ADDRESS_NOT_ALLOWED' },
  });
  if (endpoint) {
    lifeOf(endpoint.id);
    replayOf(endpoint.id);
    expect(204, 'DELETE', `${endpoints}/${endpoint.id}`, { name: `${endpoints}/{id}` });
  }
  expect(404, 'POST', `${endpoints}/${nowhere}/test`, { name: `${endpoints}/{id}/test`, claims: notFound });
  expect(200, 'GET', `${deliveries}?status=dead`, {
    name: deliveries,
    claims: { 'are dead': (page) => page.deliveries.every(({ status }) => status === 'dead') },
  });
  expect(404, 'GET', `${deliveries}/${nowhere}`, { name: `${deliveries}/{id}`, claims: notFound });
  expect(404, 'POST', `${deliveries}/${nowhere}/skip`, { name: `${deliveries}/{id}/skip`, claims: notFound });
  expect(404, 'POST', `${deliveries}/${nowhere}/replay`, { name: `${deliveries}/{id}/replay`, claims: notFound });
  sleep(0.5);
}

function lifeOf(id) {
  const path = `${endpoints}/${id}`;
  const name = `${endpoints}/{id}`;
  expect(200, 'GET', endpoints, {
    claims: { 'has it': (page) => page.hasMore || page.endpoints.some((endpoint) => endpoint.id === id) },
  });
  expect(200, 'GET', path, { name, claims: { 'hides its secret': ({ secret }) => secret === undefined } });
  expect(200, 'PATCH', path, {
    name,
    body: { rateLimitPerSecond: 5 },
    headers: { 'If-Match': '"1"' },
    claims: { 'is changed': ({ rateLimitPerSecond, version }) => rateLimitPerSecond === 5 && version === 2 },
  });
  expect(200, 'POST', `${path}/secret/rotate`, {
    name: `${name}/secret/rotate`,
    claims: { 'signs with both': ({ secrets }) => secrets.length === 2 },
  });
  expect(200, 'POST', `${path}/pause`, {
    name: `${name}/pause`,
    body: { reason: 'load test' },
    claims: { 'is paused': ({ status }) => status === 'paused' },
  });
  expect(200, 'POST', `${path}/resume`, {
    name: `${name}/resume`,
    claims: { 'is active': ({ status }) => status === 'active' },
  });
}

function replayOf(endpointId) {
  const replay = expect(201, 'POST', replays, {
    body: { endpointId, statuses: ['dead'] },
    claims: { 'has nothing to send': ({ total }) => total === 0 },
  });
  if (replay) {
    expect(200, 'GET', `${replays}?endpointId=${endpointId}`, {
      name: replays,
      claims: { 'has it': (page) => page.replays.some(({ id }) => id === replay.id) },
    });
    expect(200, 'GET', `${replays}/${replay.id}`, { name: `${replays}/{id}` });
    expect(200, 'POST', `${replays}/${replay.id}/cancel`, {
      name: `${replays}/{id}/cancel`,
      claims: { 'has ended': ({ status }) => status !== 'running' },
    });
  }
}

// /compat: what the official front end reads, and the life of a stream as an SDK sends it.
import { sleep } from 'k6';

import { expect, idempotencyKey, seedOfIteration, terms } from '../helpers.js';

const frontend = '/compat/frontend';
const streams = '/compat/backend/api/streams';

export function compat({ run, stream }) {
  expect(200, 'GET', `${frontend}/version`, { claims: { 'is a version': ({ version }) => version.length > 0 } });
  expect(200, 'GET', `${frontend}/treasury/metrics`, { claims: { 'has metrics': ({ data }) => data.length >= 3 } });
  const rows = { 'has rows': ({ data }) => data.every(({ progress }) => progress >= 0 && progress <= 100) };
  expect(200, 'GET', `${frontend}/streams?status=Paused`, { name: `${frontend}/streams`, claims: rows });
  expect(200, 'GET', `${frontend}/recipients/${stream.recipient}/streams`, {
    name: `${frontend}/recipients/{address}/streams`,
    claims: rows,
  });
  expect(200, 'GET', `${frontend}/streams/${stream.id}`, {
    name: `${frontend}/streams/{id}`,
    claims: { 'is the stream': ({ data }) => data.id === stream.id },
  });
  life(run);
  sleep(0.5);
}

function life(run) {
  const headers = { 'Idempotency-Key': idempotencyKey(run) };
  const body = Object.assign({ endTime: 0 }, terms(seedOfIteration()));
  const created = expect(201, 'POST', streams, { headers, body, claims: { 'is a success': ({ success }) => success } });
  expect(200, 'GET', `${streams}?limit=2&include_total=false`, {
    name: streams,
    claims: { 'is a page': ({ data }) => data.streams.length <= 2 },
  });
  if (!created) {
    return;
  }
  const path = `${streams}/${created.data.id}`;
  const name = `${streams}/{id}`;
  expect(200, 'GET', path, { name, claims: { 'has its name': ({ data }) => data.stream.id === created.data.id } });
  expect(200, 'GET', `${path}/poll?timeout=0`, {
    name: `${name}/poll`,
    claims: { 'begins with its creation': ({ data }) => data.events[0].type === 'stream.created' },
  });
  expect(200, 'DELETE', path, { name, claims: { 'is cancelled': ({ data }) => data.id === created.data.id } });
  expect(409, 'DELETE', `${path}/poll`, { name: `${name}/poll` });
}

// The calls of the TypeScript SDK 0.1.0, as it sends them and reads their answers: node sdk.mjs <base> <sender> <recipient>
import assert from 'node:assert/strict';

const [base, sender, recipient] = process.argv.slice(2);

async function request(method, path, { params, body, headers } = {}) {
  const query = new URLSearchParams(Object.entries(params ?? {}).filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]));
  const response = await fetch(`${base}${path}${params ? `?${query}` : ''}`, {
    method,
    headers: {
      'User-Agent': 'FluxoraTypeScriptSDK/0.1.0',
      Accept: 'application/json',
      ...(body && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const json = await response.json();
  if (!response.ok) {
    throw Object.assign(new Error(json.error.message), { status: response.status, code: json.error.code });
  }
  return json;
}

const create = async (input, key) =>
  (await request('POST', '/api/streams', { body: input, headers: { 'Idempotency-Key': key } })).data;
const get = async (id) => (await request('GET', `/api/streams/${id}`)).data.stream;
const cancel = async (id) => (await request('DELETE', `/api/streams/${id}`)).data;

async function* list(params) {
  let cursor;
  for (;;) {
    const { data } = await request('GET', '/api/streams', { params: { limit: 2, cursor, include_total: false, ...params } });
    yield* data.streams;
    if (!data.has_more || !data.next_cursor) return;
    cursor = data.next_cursor;
  }
}

const terms = { sender, recipient, depositAmount: '100', ratePerSecond: '0.5', endTime: 0 };
const ids = [];
for (let number = 0; number < 5; number += 1) {
  const stream = await create(terms, `ts-${number}`);
  assert.equal(stream.sender, sender);
  assert.equal(stream.depositAmount, '100');
  assert.equal(stream.endTime, stream.startTime + 200);
  ids.push(stream.id);
}
assert.equal((await create(terms, 'ts-0')).id, ids[0], 'a repeated request gets the first answer');
await assert.rejects(create({ ...terms, depositAmount: '7' }, 'ts-0'), { status: 409, code: 'IDEMPOTENCY_CONFLICT' });
assert.equal((await get(ids[0])).id, ids[0]);
const listed = [];
for await (const stream of list({ sender, status: 'active' })) listed.push(stream.id);
assert.deepEqual(listed.sort(), [...ids].sort());
assert.equal((await request('GET', '/api/streams', { params: { limit: 1, include_total: true } })).data.total >= 5, true);
assert.deepEqual(await cancel(ids[0]), { message: 'Stream cancelled', id: ids[0] });
await assert.rejects(cancel(ids[0]), { status: 409, code: 'CONFLICT' });
assert.equal((await get(ids[0])).status, 'cancelled');
await assert.rejects(get('none'), { status: 404, code: 'NOT_FOUND' });
console.log('done');

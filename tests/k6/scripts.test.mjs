// Tests of the scripts that need no server: node --import ./register.mjs scripts.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checks, goTo, metrics } from './shim/record.mjs';

globalThis.__ENV = {};
goTo('init');
const { account, contract, crc16, stroops, strkey } = await import('../../k6/helpers.js');
const { PROFILES, TOKENS, baseUrl, optionsOf, secondsOf } = await import('../../k6/config.js');
const script = await import('../../k6/main.js');
const { check } = await import('./shim/k6.mjs');
const { default: http } = await import('./shim/http.mjs');

const BUILT_IN = { http_req_duration: 'Trend', http_req_failed: 'Rate', checks: 'Rate' };

/** The addresses in the tests of crates/stream/src/address.rs, with their version and their bytes. */
const KNOWN = [
  [6 << 3, '3f0c34bf93ad0d9971d04ccc90f705511c838aad9734a4a2fb0d7a03fc7fe89a', 'GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ'],
  [2 << 3, '363eaa3867841fbad0f4ed88c779e4fe66e56a2470dc98c0ec9c073d05c7b103', 'CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE'],
];

test('a strkey is that of SEP-23', () => {
  for (const [version, hex, address] of KNOWN) {
    assert.equal(strkey(version, [...Buffer.from(hex, 'hex')]), address);
  }
});

test('the checksum is CRC-16/XMODEM', () => {
  assert.equal(crc16([...Buffer.from('123456789')]), 0x31c3);
});

test('every number has a different address', () => {
  const numbers = [0, 1, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 40 + 3];
  const addresses = numbers.flatMap((number) => [account(number), contract(number)]);
  assert.equal(new Set(addresses).size, 2 * numbers.length);
  addresses.forEach((address) => assert.match(address, /^[GC][A-Z2-7]{55}$/));
});

test('amounts are read to the stroop', () => {
  assert.deepEqual(['1000000.0000000', '0.0000001', '100', '86.4'].map(stroops), [1e13, 1, 1e9, 864_000_000]);
});

test('every profile has valid stages and ends with no users', () => {
  const expected = { smoke: [5, 60], load: [50, 300], stress: [200, 360], soak: [30, 1440] };
  assert.deepEqual(Object.keys(PROFILES), Object.keys(expected));
  for (const [name, stages] of Object.entries(PROFILES)) {
    for (const { duration, target, ...others } of stages) {
      assert.match(duration, /^[1-9][0-9]*[sm]$/);
      assert.ok(Number.isInteger(target) && target >= 0);
      assert.deepEqual(others, {});
    }
    assert.deepEqual([Math.max(...stages.map(({ target }) => target)), secondsOf(stages)], expected[name], name);
    assert.equal(stages.at(-1).target, 0);
  }
});

test('every threshold speaks of a metric and a scenario that exist', () => {
  const kinds = { ...BUILT_IN, ...Object.fromEntries([...metrics].map(([name, { kind }]) => [name, kind])) };
  for (const PROFILE of Object.keys(PROFILES)) {
    const { scenarios, thresholds } = optionsOf({ PROFILE, INDEXER_WORKER_TOKEN: 'token', OPERATOR_TOKEN: 'token' });
    for (const [key, limits] of Object.entries(thresholds)) {
      const [, metric, scenario] = key.match(/^([a-z_]+)(?:\{scenario:([a-z_]+)\})?$/);
      assert.ok(scenario === undefined || scenarios[scenario], key);
      const form = { Trend: /^p\(\d+\)<\d+$/, Rate: /^rate[<>]0\.\d+$/ }[kinds[metric]];
      assert.ok(form && limits.length > 0, key);
      limits.forEach((limit) => assert.match(limit, form));
    }
  }
});

test('the thresholds are the documented ones', () => {
  const { thresholds } = optionsOf({});
  assert.deepEqual(thresholds.http_req_duration, ['p(95)<500', 'p(99)<1000']);
  assert.deepEqual(thresholds.http_req_failed, ['rate<0.01']);
  assert.deepEqual(thresholds['http_req_duration{scenario:health}'], ['p(99)<200']);
  for (const scenario of ['streams_list', 'streams_get', 'streams_create', 'streams_cancel', 'events']) {
    assert.deepEqual(thresholds[`http_req_duration{scenario:${scenario}}`], ['p(95)<500']);
  }
});

test('every scenario is a function of the script, and every latency has its scenario', () => {
  const { scenarios } = optionsOf({ INDEXER_WORKER_TOKEN: 'token', OPERATOR_TOKEN: 'token' });
  for (const [name, { exec }] of Object.entries(scenarios)) {
    assert.equal(typeof script[exec], 'function', name);
    assert.ok(metrics.has(`fluxora_${name}_latency`), name);
  }
});

test('a scenario that needs a token runs with it only, and has one user', () => {
  for (const [scenario, token] of Object.entries(TOKENS)) {
    assert.equal(optionsOf({}).scenarios[scenario], undefined);
    assert.equal(optionsOf({ [token]: 'token' }).scenarios[scenario].vus, 1);
  }
});

test('a profile that does not exist is refused', () => {
  assert.throws(() => optionsOf({ PROFILE: 'smok' }), /smoke, load, stress, soak/);
});

test('the address of the server can be given', () => {
  assert.equal(baseUrl({}), 'http://localhost:3000');
  assert.equal(baseUrl({ K6_BASE_URL: 'https://fluxora.test/' }), 'https://fluxora.test');
});

test('the shim reports a failed check and an unexpected status', () => {
  assert.throws(() => check(1, {}), /init context/);
  goTo('a_scenario', 1, 0);
  assert.equal(check(1, { 'is two': (value) => value === 2, 'is one': (value) => value === 1 }), false);
  assert.deepEqual(checks.splice(0).map(({ passed }) => passed), [false, true]);
  const expected = http.expectedStatuses(404, { min: 200, max: 299 });
  assert.deepEqual([200, 299, 300, 404, 409].map(expected), [true, true, false, true, false]);
  // Port 9 is the discard port; nothing listens there.
  assert.equal(http.get('http://127.0.0.1:9/').status, 0);
});

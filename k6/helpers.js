// Shared by the scenarios: valid addresses and payloads, metrics, and the check of an answer.
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { Rate, Trend } from 'k6/metrics';

import { baseUrl } from './config.js';

export const BASE_URL = baseUrl(__ENV);

/** The share of answers with a failed check. */
const errors = new Rate('fluxora_errors');

/** Response times of each scenario, in milliseconds. */
const latencies = {};
const SCENARIOS = [
  'health',
  'streams_list',
  'streams_get',
  'streams_create',
  'streams_cancel',
  'events',
  'webhooks',
  'compat',
  'treasury',
  'ingest',
  'rewind',
];
for (const scenario of SCENARIOS) {
  latencies[scenario] = new Trend(`fluxora_${scenario}_latency`, true);
}

/**
 * Sends a request, and checks the status and the claims about its answer.
 *
 * An expected status, also a 404 or a 409, is not a failed request. `name` replaces the URL in the metrics: without it
 * each stream's URL would be a separate metric. `claims` are functions of the answer's JSON and the answer.
 */
export function expect(status, method, path, { name, body, headers, claims } = {}) {
  const route = `${method} ${name || path}`;
  const response = http.request(method, BASE_URL + path, body === undefined ? null : JSON.stringify(body), {
    headers: Object.assign(body === undefined ? {} : { 'Content-Type': 'application/json' }, headers),
    responseCallback: http.expectedStatuses(status),
    tags: { name: route },
  });
  latencies[exec.scenario.name].add(response.timings.duration);
  const json = response.status === status ? parsed(response) : undefined;
  const sets = { [`${route}: ${status}`]: () => response.status === status };
  for (const claim of Object.keys(claims || {})) {
    sets[`${route}: ${claim}`] = () => holds(claims[claim], json, response);
  }
  const good = check(response, sets);
  errors.add(!good);
  return good ? json : undefined;
}

/** Whether a claim is true. A claim that throws, for example at a missing field, is false. */
function holds(claim, json, response) {
  try {
    return json !== undefined && Boolean(claim(json, response));
  } catch (_) {
    return false;
  }
}

/** A claim: the answer is an error with this code. */
export function hasCode(code) {
  return ({ error }) => error.code === code && error.message.length > 0 && error.requestId.length > 0;
}

/** The JSON of an answer; undefined if it is not JSON. */
export function parsed(response) {
  try {
    return response.json();
  } catch (_) {
    return undefined;
  }
}

/** An idempotency key that is unique across runs. */
export function idempotencyKey(run) {
  const { idInTest, iterationInScenario } = exec.vu;
  return `k6-${run}-${exec.scenario.name}-${idInTest}-${iterationInScenario}`;
}

/** The terms of a stream that lasts longer than any run. */
export function terms(seed) {
  return {
    sender: account(seed % 50),
    recipient: account(1000 + seed),
    depositAmount: '1000000.0000000',
    ratePerSecond: '0.0000116',
  };
}

/** A number that is unique to the iteration and the virtual user. */
export function seedOfIteration() {
  return exec.vu.idInTest * 100000 + exec.vu.iterationInScenario;
}

/** An amount in stroops; exact up to `Number.MAX_SAFE_INTEGER`. */
export function stroops(amount) {
  const [units, decimals = ''] = amount.split('.');
  return Number(units + decimals.padEnd(7, '0'));
}

const ACCOUNT = 6 << 3;
const CONTRACT = 2 << 3;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The address (G…) of an account without a known key, one for each number below 2^48. */
export function account(number) {
  return strkey(ACCOUNT, payloadOf(number));
}

/** The address (C…) of a contract, one for each number below 2^48. */
export function contract(number) {
  return strkey(CONTRACT, payloadOf(number));
}

function payloadOf(number) {
  const bytes = new Array(32).fill(7);
  for (let index = 0, rest = number; index < 6; index += 1, rest = Math.floor(rest / 256)) {
    bytes[index] = rest % 256;
  }
  return bytes;
}

/** A strkey (SEP-23): version byte, payload and checksum (little endian), in base32. */
export function strkey(version, payload) {
  const body = [version, ...payload];
  const checksum = crc16(body);
  return base32([...body, checksum & 0xff, checksum >> 8]);
}

/** CRC-16/XMODEM: polynomial 0x1021, starting at 0. */
export function crc16(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
  }
  return crc;
}

/** Base32 of RFC 4648, for lengths that need no padding. */
function base32(bytes) {
  let text = '';
  let [buffer, bits] = [0, 0];
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) {
      text += ALPHABET[(buffer >> (bits - 5)) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return text;
}

// What the scenarios share: addresses and payloads that are valid, metrics, and one way to judge an answer.
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { Rate, Trend } from 'k6/metrics';

import { baseUrl } from './config.js';

export const BASE_URL = baseUrl(__ENV);

/** The share of answers that were not as they have to be. */
const errors = new Rate('fluxora_errors');

/** How long the answers of each scenario took, in milliseconds, whatever else the run does. */
const latencies = {};
for (const scenario of ['health', 'streams_list', 'streams_get', 'streams_create', 'streams_cancel', 'ingest']) {
  latencies[scenario] = new Trend(`fluxora_${scenario}_latency`, true);
}

/**
 * Sends a request whose answer must have this status, and checks it.
 *
 * A status that is expected, a 404 or a 409 too, is no failed request. `name` stands for the address in the metrics: without it
 * every stream's address would be a metric of its own. `claims` are functions of the answer's JSON and the answer.
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

/** Whether a claim is true; one that stumbles over a missing field is not. */
function holds(claim, json, response) {
  try {
    return json !== undefined && Boolean(claim(json, response));
  } catch (_) {
    return false;
  }
}

/** The code of an error's answer, as a claim. */
export function hasCode(code) {
  return ({ error }) => error.code === code && error.message.length > 0 && error.requestId.length > 0;
}

/** The JSON of an answer, if it is JSON. */
export function parsed(response) {
  try {
    return response.json();
  } catch (_) {
    return undefined;
  }
}

/** A key that no other request of any run has. */
export function idempotencyKey(run) {
  const { idInTest, iterationInScenario } = exec.vu;
  return `k6-${run}-${exec.scenario.name}-${idInTest}-${iterationInScenario}`;
}

/** The terms of a stream that goes on for longer than any run. */
export function terms(seed) {
  return {
    sender: account(seed % 50),
    recipient: account(1000 + seed),
    depositAmount: '1000000.0000000',
    ratePerSecond: '0.0000116',
  };
}

/** A number of its own for each iteration of each virtual user. */
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

/** The address (G…) of an account that nobody has the key of, one for each number below 2^48. */
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

/** RFC 4648, for a number of bytes that needs no padding. */
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

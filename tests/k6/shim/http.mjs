// k6 waits for an answer where node gives a promise: a worker sends the request, and this thread sleeps until it is answered.
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

import { only, position, requests } from './record.mjs';

const PATIENCE_MS = 30_000;
const PARAMS = ['headers', 'responseCallback', 'tags'];

const answered = new Int32Array(new SharedArrayBuffer(4));
const { port1: port, port2 } = new MessageChannel();
const worker = new Worker(new URL('./sender.mjs', import.meta.url), {
  workerData: { answered, port: port2 },
  transferList: [port2],
});
// Neither of them keeps the process alive.
worker.unref();
port.unref();

function send(message) {
  Atomics.store(answered, 0, 0);
  port.postMessage(message);
  if (Atomics.wait(answered, 0, 0, PATIENCE_MS) === 'timed-out') {
    throw new Error(`${message.method} ${message.url} has no answer after ${PATIENCE_MS} ms`);
  }
  return receiveMessageOnPort(port).message;
}

function request(method, url, body = null, params = {}) {
  only('run', 'a request');
  const unknown = Object.keys(params).filter((name) => !PARAMS.includes(name));
  if (unknown.length || !(body === null || typeof body === 'string')) {
    throw new Error(`the shim does not know such a request: ${unknown}, a body of type ${typeof body}`);
  }
  const began = performance.now();
  const { status, headers, text } = send({ method, url, headers: params.headers || {}, body });
  const expected = params.responseCallback || expectedStatuses({ min: 200, max: 399 });
  requests.push({ stage: position.stage, method, url, status, tags: params.tags, expected: expected(status) });
  return {
    status,
    body: text,
    headers: Object.fromEntries(headers.map(([name, value]) => [canonical(name), value])),
    timings: { duration: performance.now() - began },
    json: (...selector) => {
      if (selector.length) {
        throw new Error('the shim has no selectors');
      }
      return JSON.parse(text);
    },
  };
}

/** `x-request-id` is `X-Request-Id`, as in Go's net/http, which k6 is made of. */
function canonical(name) {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** Takes statuses and ranges `{min, max}`, as k6 does. */
function expectedStatuses(...statuses) {
  const ranges = statuses.map((status) => (typeof status === 'number' ? { min: status, max: status } : status));
  if (!ranges.length || !ranges.every(({ min, max }) => min >= 100 && max >= min && max <= 599)) {
    throw new Error(`these are no statuses: ${JSON.stringify(statuses)}`);
  }
  return (status) => ranges.some(({ min, max }) => min <= status && status <= max);
}

export default {
  expectedStatuses,
  request,
  get: (url, params) => request('GET', url, null, params),
  post: (url, body, params) => request('POST', url, body, params),
};

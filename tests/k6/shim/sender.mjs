// The worker thread of http.mjs: sends a request and wakes the waiting thread.
import { workerData } from 'node:worker_threads';

const { answered, port } = workerData;

port.on('message', async ({ method, url, headers, body }) => {
  let answer;
  try {
    const response = await fetch(url, { method, headers, body, redirect: 'manual' });
    answer = { status: response.status, headers: [...response.headers], text: await response.text() };
  } catch (error) {
    // k6 gives the status 0 to a request that got no answer.
    answer = { status: 0, headers: [], text: String(error.cause || error) };
  }
  port.postMessage(answer);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
});

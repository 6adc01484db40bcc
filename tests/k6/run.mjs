// Runs every scenario of k6/main.js for some iterations of two virtual users, and prints a report as one line of JSON.
//
//   node --import ./register.mjs run.mjs NAME=value…     (the variables are those of `k6 run -e`)
import { checks, goTo, metrics, requests } from './shim/record.mjs';

const VIRTUAL_USERS = 2;
const ITERATIONS = 3;

globalThis.__ENV = Object.fromEntries(process.argv.slice(2).map((pair) => pair.split(/=(.*)/s, 2)));
// Standard output has the report only.
console.log = console.error;

goTo('init');
const script = await import('../../k6/main.js');
goTo('setup');
const data = script.setup();

for (const [name, { exec, vus }] of Object.entries(script.options.scenarios)) {
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    for (let vu = 1; vu <= (vus || VIRTUAL_USERS); vu += 1) {
      goTo(name, vu, iteration);
      // k6 passes a copy to each iteration.
      script[exec](structuredClone(data));
    }
  }
}

const of = (name) => ({
  requests: requests.filter(({ stage }) => stage === name).length,
  checks: checks.filter(({ stage }) => stage === name).length,
  statuses: [...new Set(requests.filter(({ stage }) => stage === name).map(({ status }) => status))].sort(),
});
const report = {
  scenarios: Object.fromEntries(Object.keys(script.options.scenarios).map((name) => [name, of(name)])),
  failedChecks: checks.filter(({ passed }) => !passed).map(({ stage, name }) => `${stage}: ${name}`),
  unexpected: requests
    .filter(({ expected }) => !expected)
    .map(({ method, url, status }) => `${method} ${url}: ${status}`),
  routes: [...new Set(requests.flatMap(({ tags }) => (tags ? [tags.name] : [])))].sort(),
  samples: Object.fromEntries([...metrics].map(([name, { samples }]) => [name, samples.length])),
};
process.stdout.write(`${JSON.stringify(report)}\n`);

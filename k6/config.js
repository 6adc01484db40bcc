// The server to load, the profiles and the thresholds.

/** The URL of the server to load. */
export function baseUrl(env) {
  return (env.K6_BASE_URL || 'http://localhost:3000').replace(/\/+$/, '');
}

/** Virtual users of each scenario over time. */
export const PROFILES = {
  smoke: [
    { duration: '30s', target: 5 },
    { duration: '30s', target: 0 },
  ],
  load: [
    { duration: '1m', target: 50 },
    { duration: '3m', target: 50 },
    { duration: '1m', target: 0 },
  ],
  stress: [
    { duration: '1m', target: 50 },
    { duration: '2m', target: 200 },
    { duration: '2m', target: 200 },
    { duration: '1m', target: 0 },
  ],
  soak: [
    { duration: '2m', target: 30 },
    { duration: '20m', target: 30 },
    { duration: '2m', target: 0 },
  ],
};

/** The scenarios that need no token, by the name of the function in main.js. */
const PUBLIC_SCENARIOS = [
  'health', 'streams_list', 'streams_get', 'streams_create', 'streams_cancel', 'events', 'compat', 'treasury',
];

/** The scenarios of one user: the endpoints of several would be more than are allowed. */
const SINGLE_SCENARIOS = ['webhooks'];

/** The variable with the token that a scenario needs. Without it the scenario is skipped. */
export const TOKENS = { ingest: 'INDEXER_WORKER_TOKEN', rewind: 'OPERATOR_TOKEN' };

/** The options of a run: `env` is k6's `__ENV`. */
export function optionsOf(env) {
  const name = env.PROFILE || 'smoke';
  const stages = PROFILES[name];
  if (!stages) {
    throw new Error(`PROFILE must be one of ${Object.keys(PROFILES).join(', ')}, not ${name}`);
  }
  const scenarios = {};
  for (const exec of PUBLIC_SCENARIOS) {
    scenarios[exec] = { executor: 'ramping-vus', exec, startVUs: 0, stages, gracefulRampDown: '10s' };
  }
  // One user each: two users would push two hashes for one ledger, which is a reorg.
  const withToken = Object.keys(TOKENS).filter((scenario) => env[TOKENS[scenario]]);
  for (const exec of [...SINGLE_SCENARIOS, ...withToken]) {
    scenarios[exec] = { executor: 'constant-vus', exec, vus: 1, duration: `${secondsOf(stages)}s` };
  }
  return { scenarios, thresholds: thresholdsOf(Object.keys(scenarios)) };
}

/** The thresholds of a run; k6 exits with a code other than 0 if one is missed. */
function thresholdsOf(scenarios) {
  const thresholds = {
    http_req_duration: ['p(95)<500', 'p(99)<1000'],
    http_req_failed: ['rate<0.01'],
    fluxora_errors: ['rate<0.01'],
    checks: ['rate>0.99'],
  };
  for (const scenario of scenarios) {
    const limit = scenario === 'health' ? 'p(99)<200' : 'p(95)<500';
    thresholds[`http_req_duration{scenario:${scenario}}`] = [limit];
  }
  return thresholds;
}

/** The duration of all stages in seconds. */
export function secondsOf(stages) {
  const units = { s: 1, m: 60 };
  return stages.reduce((sum, { duration }) => sum + parseInt(duration, 10) * units[duration.slice(-1)], 0);
}

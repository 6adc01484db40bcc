import { checks, only, position } from './record.mjs';

export function check(value, sets) {
  only('run', 'check');
  const results = Object.entries(sets).map(([name, claim]) => {
    const passed = Boolean(typeof claim === 'function' ? claim(value) : claim);
    checks.push({ stage: position.stage, name, passed });
    return passed;
  });
  return results.every(Boolean);
}

/** Does not wait: a script must not need the pause. */
export function sleep(seconds) {
  if (!(seconds >= 0)) {
    throw new Error(`sleep takes seconds, not ${seconds}`);
  }
}

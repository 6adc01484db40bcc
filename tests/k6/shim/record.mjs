// Records what the scripts do, for the runner. The API of k6 is global, so this is too.

/** Where the script is: `init` while it is loaded, then `setup`, then the name of a scenario. */
export const position = { stage: 'init', vu: 0, iteration: 0 };

export const requests = [];
export const checks = [];
/** Metrics by name: `{ kind, samples }`. */
export const metrics = new Map();

export function goTo(stage, vu = 0, iteration = 0) {
  Object.assign(position, { stage, vu, iteration });
  Object.assign(globalThis, { __VU: vu, __ITER: iteration });
}

/** Some functions of k6 work while the script is loaded only, others afterwards only. */
export function only(where, what) {
  const isInit = position.stage === 'init';
  if (isInit !== (where === 'init')) {
    throw new Error(`k6 allows ${what} ${where === 'init' ? 'in' : 'after'} the init context only`);
  }
}

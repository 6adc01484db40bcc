import { position } from './record.mjs';

function inScenario(what) {
  if (['init', 'setup'].includes(position.stage)) {
    throw new Error(`k6 knows ${what} in a scenario only`);
  }
  return position;
}

export default {
  scenario: {
    get name() {
      return inScenario('the scenario').stage;
    },
  },
  vu: {
    get idInTest() {
      return inScenario('the virtual user').vu;
    },
    get iterationInScenario() {
      return inScenario('the iteration').iteration;
    },
  },
  test: {
    abort(message) {
      throw new Error(`the script aborts the test: ${message}`);
    },
  },
};

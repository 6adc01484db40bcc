import { metrics, only } from './record.mjs';

class Metric {
  #samples = [];

  constructor(name) {
    only('init', `new ${this.constructor.name}`);
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || metrics.has(name)) {
      throw new Error(`${name} cannot be the name of a metric, or is one already`);
    }
    metrics.set(name, { kind: this.constructor.name, samples: this.#samples });
  }

  add(value) {
    if (!this.takes(value)) {
      throw new Error(`a ${this.constructor.name} does not take ${value}`);
    }
    this.#samples.push(Number(value));
  }

  takes(value) {
    return Number.isFinite(value);
  }
}

export class Trend extends Metric {}

export class Rate extends Metric {
  takes(value) {
    return typeof value === 'boolean' || Number.isFinite(value);
  }
}

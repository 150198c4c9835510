import type { WrittenSnapshot } from '../imported.ts';
import type { Directive, Spot } from './directive.ts';

/** A route, as people write ours. */
export type WrittenRoute = WrittenSnapshot['routes'][number];
/** A filter, as people write ours. */
export interface WrittenFilter {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Where each part of what is written comes from. */
export class Origins {
  readonly #spots = new WeakMap<object, Spot>();

  /** Remembers where it comes from, and gives it back. */
  from<Part extends object>({ at }: Pick<Directive, 'at'>, part: Part): Part {
    this.#spots.set(part, at);
    return part;
  }

  /** Where it comes from; `undefined` of what nobody wrote. */
  of(part: unknown): Spot | undefined {
    return typeof part === 'object' && part !== null ? this.#spots.get(part) : undefined;
  }
}

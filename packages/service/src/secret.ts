import { inspect } from 'node:util';

/** What is shown in place of a secret. */
const MASK = '[secret]';

/** A value that is never printed: `String(secret)`, JSON and `util.inspect` all give `[secret]`. */
export class Secret {
  readonly #value: string;

  /** Wraps a value. An empty one is refused: it protects nothing. */
  constructor(value: string) {
    if (value === '') throw new RangeError('A secret is empty; pass its value.');
    this.#value = value;
  }

  /** The value itself. Hand it to what needs it; don't keep it, don't log it. */
  reveal(): string {
    return this.#value;
  }

  toString(): typeof MASK {
    return MASK;
  }

  toJSON(): typeof MASK {
    return MASK;
  }

  [Symbol.toPrimitive](): typeof MASK {
    return MASK;
  }

  [inspect.custom](): typeof MASK {
    return MASK;
  }
}

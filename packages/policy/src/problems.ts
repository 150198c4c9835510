import { nearest } from '@fairlead/core';

/**
 * Where in a specification a reader stands, and the one list of faults that all places of a specification share: whoever
 * wrote it is told everything at once.
 */
export class Problems {
  /** Dotted, such as `breaker.failureRatio`; empty for the whole specification. */
  readonly path: string;
  readonly #found: string[];

  constructor(path = '', found: string[] = []) {
    this.path = path;
    this.#found = found;
  }

  /** The place of a key of this place; shares the list. */
  at(key: string): Problems {
    return new Problems(this.path === '' ? key : `${this.path}.${key}`, this.#found);
  }

  /** Says what is wrong here: what was found, and the fix. */
  add(what: string): void {
    this.#found.push(this.path === '' ? what : `${this.path}: ${what}`);
  }

  /** Says that a key means nothing here, and which one was probably meant. */
  unknown(key: string, known: Iterable<string>): void {
    const names = [...known];
    const meant = nearest(key, names);
    const advice = meant === undefined ? `known here: ${names.join(', ')}` : `did you mean ${meant}?`;
    this.at(key).add(`no policy has this; ${advice}`);
  }

  /** What has been found so far, at every place. */
  get found(): readonly string[] {
    return this.#found;
  }
}

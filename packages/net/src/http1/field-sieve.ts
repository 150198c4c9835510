import { KNOWN_NAMES } from './known-names.ts';

/** What a proxy lets through of a message's fields. */
export interface FieldSieveOptions {
  /** Names that go no further, lower-case. Those that frame a message or belong to its connection never do. */
  readonly drop?: readonly string[];
  /** Beginnings of names that go no further, lower-case. */
  readonly dropPrefixes?: readonly string[];
  /** Whether names with an underscore go no further: some servers read it as a dash. Default false. */
  readonly dropUnderscores?: boolean;
  /** Names, lower-case and of `KNOWN_NAMES`, whose presence the head tells in `isNoted`. */
  readonly note?: readonly string[];
}

/** Meant for one connection only (RFC 9110, section 7.6.1), or written anew for the next. */
const OF_THE_CONNECTION = [
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** Other names are few; strangers must not fill the memory with theirs. */
const MOST_REMEMBERED = 1_024;

/**
 * Says which field lines of a message go on to the next one. Given to a reader, it makes the head keep them as they came,
 * so that nothing is taken apart that is only put together again.
 */
export class FieldSieve {
  readonly #drop: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  readonly #underscores: boolean;
  readonly #known: Uint8Array;
  readonly #noted: Uint8Array;
  readonly #remembered = new Map<string, boolean>();

  constructor({ drop = [], dropPrefixes = [], dropUnderscores = false, note = [] }: FieldSieveOptions = {}) {
    this.#drop = new Set([...OF_THE_CONNECTION, ...drop]);
    this.#prefixes = dropPrefixes;
    this.#underscores = dropUnderscores;
    this.#known = Uint8Array.from(KNOWN_NAMES, (name) => (this.#judge(name) ? 1 : 0));
    this.#noted = Uint8Array.from(KNOWN_NAMES, (name) => (note.includes(name) ? 1 : 0));
  }

  /** Whether a line of the name at this place of `KNOWN_NAMES` is told of. */
  notes(place: number): boolean {
    return this.#noted[place] === 1;
  }

  /** Whether the name at this place of `KNOWN_NAMES` goes no further. */
  dropsKnown(place: number): boolean {
    return this.#known[place] === 1;
  }

  /** Whether a lower-case name goes no further. */
  drops(name: string): boolean {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const verdict = this.#judge(name);
    if (this.#remembered.size < MOST_REMEMBERED) this.#remembered.set(name, verdict);
    return verdict;
  }

  #judge(name: string): boolean {
    if (this.#drop.has(name) || (this.#underscores && name.includes('_'))) return true;
    return this.#prefixes.some((prefix) => name.startsWith(prefix));
  }
}

import { createHmac } from 'node:crypto';
import type { Random } from '@fairlead/core';
import type { BasicCredentials } from './basic-credentials.ts';
import { isPassword, type PasswordHash } from './password-hash.ts';
import { Recent } from './recent.ts';

/** Of libuv's four threads, which files and names need, too. */
const MOST_AT_ONCE = 2;
const MAX_WAITING = 64;
const MOST_RIGHT = 5_000;
const MOST_WRONG = 1_000;
const KEY_BYTES = 32;

/**
 * Checks passwords, each pair of user and password once: an HMAC of it by a key that only this process has is remembered with
 * what came out, never the password. Wrong ones are remembered apart, so that guesses drive nobody out.
 */
export class PasswordChecks {
  readonly #hashes: ReadonlyMap<string, PasswordHash>;
  /** For users whom nobody knows, so that it takes as long to say so. */
  readonly #nobody: PasswordHash | undefined;
  readonly #key: Uint8Array;
  readonly #right = new Recent<true>(MOST_RIGHT);
  readonly #wrong = new Recent<true>(MOST_WRONG);
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  readonly #maxWaiting: number;
  #atOnce = 0;

  /**
   * @param hashes by user; the first one's cost is what asking for unknown users costs
   * @param options `maxWaiting`: how many pairs may wait to be looked at, default 64; 0 means that none may
   */
  constructor(
    hashes: ReadonlyMap<string, PasswordHash>,
    random: Random,
    { maxWaiting = MAX_WAITING }: { readonly maxWaiting?: number } = {},
  ) {
    this.#hashes = hashes;
    const [first] = hashes.values();
    this.#nobody = first && { ...first, derived: random.bytes(first.derived.length) };
    this.#key = random.bytes(KEY_BYTES);
    this.#maxWaiting = maxWaiting;
  }

  /** Whether they are right; `busy` when too many are being looked at. A promise only when it isn't known. */
  check(credentials: BasicCredentials): boolean | 'busy' | Promise<boolean> {
    const { user, password } = credentials;
    // Users have no control characters.
    const mac = createHmac('sha256', this.#key).update(`${user}\n${password}`).digest('base64');
    if (this.#right.get(mac) === true) return true;
    if (this.#wrong.get(mac) === true) return false;
    const underWay = this.#underWay.get(mac);
    if (underWay !== undefined) return underWay;
    if (this.#atOnce >= MOST_AT_ONCE && this.#waiting.length >= this.#maxWaiting) return 'busy';
    const checked = this.#find(credentials, mac).finally(() => this.#underWay.delete(mac));
    this.#underWay.set(mac, checked);
    return checked;
  }

  async #find({ user, password }: BasicCredentials, mac: string): Promise<boolean> {
    if (this.#atOnce >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#atOnce += 1;
    try {
      const hash = this.#hashes.get(user);
      const against = hash ?? this.#nobody;
      const isRight = against !== undefined && (await isPassword(password, against)) && hash !== undefined;
      (isRight ? this.#right : this.#wrong).set(mac, true);
      return isRight;
    } finally {
      // Whoever waits takes the place over.
      const next = this.#waiting.shift();
      if (next === undefined) this.#atOnce -= 1;
      else next();
    }
  }
}

import { createHash } from 'node:crypto';
import type { Clock, Random } from '@fairlead/core';
import { Recent } from '../basic-auth/recent.ts';
import { clearCookie, setCookie, type Cookies } from './cookies.ts';
import type { LoginAttempt } from './provider.ts';
import type { Seal } from './seal.ts';

/** A login under way: what its browser keeps, sealed, until it comes back. */
export interface Login extends LoginAttempt {
  /** Path and query of ours that it leads to. */
  readonly to: string;
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
}

/** What logins need. */
export interface LoginsOptions {
  readonly seal: Seal;
  /** Of the session's cookie; a login's are named after it. */
  readonly cookie: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Tabs that may log in at the same time; what is older is given up, so that cookies don't pile up. */
const MOST_AT_ONCE = 4;
const MOST_USED = 10_000;
const RANDOM_BYTES = 32;
const ID_LENGTH = 10;

/** Logins under way, each in a cookie of its own: tabs that log in at the same time don't disturb each other. */
export class Logins {
  readonly #options: LoginsOptions;
  readonly #prefix: string;
  readonly #used = new Recent<true>(MOST_USED);

  constructor(options: LoginsOptions) {
    this.#options = options;
    this.#prefix = `${options.cookie}.login.`;
  }

  /** Begins one. `purpose` binds it to where it was begun. */
  begin(
    cookies: Cookies,
    purpose: string,
    { to, redirectUri }: Pick<Login, 'to' | 'redirectUri'>,
  ): { readonly login: Login; readonly challenge: string; readonly cookies: readonly string[] } {
    const { seal, clock, timeoutMs } = this.#options;
    const login = {
      state: this.#secret(),
      nonce: this.#secret(),
      verifier: this.#secret(),
      redirectUri,
      to,
      begunAt: clock.now(),
    };
    const name = this.#prefix + login.state.slice(0, ID_LENGTH);
    const { state, nonce, verifier, begunAt } = login;
    const text = JSON.stringify([state, nonce, verifier, redirectUri, to, begunAt]);
    return {
      login,
      challenge: createHash('sha256').update(verifier).digest('base64url'),
      cookies: [...this.#givenUp(cookies, purpose), setCookie(name, seal.seal(text, purpose), timeoutMs)],
    };
  }

  /** The login that a browser comes back from, once; and what forgets its cookie. */
  finish(
    cookies: Cookies,
    purpose: string,
    state: string | null,
  ): { readonly login: Login; readonly cookies: readonly string[] } | undefined {
    if (state === null || state.length <= ID_LENGTH || this.#used.get(state) === true) return undefined;
    const name = this.#prefix + state.slice(0, ID_LENGTH);
    const login = this.#read(cookies.get(name), purpose);
    if (login === undefined || login.state !== state) return undefined;
    if (this.#options.clock.now() - login.begunAt >= this.#options.timeoutMs) return undefined;
    this.#used.set(state, true);
    return { login, cookies: [clearCookie(name)] };
  }

  /** Forgets those that are too many, the oldest first, and those that can't be read. */
  #givenUp(cookies: Cookies, purpose: string): readonly string[] {
    const known = [...cookies]
      .filter(([name]) => name.startsWith(this.#prefix))
      .map(([name, value]) => ({ name, begunAt: this.#read(value, purpose)?.begunAt ?? -Infinity }))
      .toSorted((a, b) => b.begunAt - a.begunAt);
    return known
      .filter(({ begunAt }, at) => at >= MOST_AT_ONCE - 1 || begunAt === -Infinity)
      .map(({ name }) => clearCookie(name));
  }

  #read(sealed: string | undefined, purpose: string): Login | undefined {
    const text = sealed === undefined ? undefined : this.#options.seal.open(sealed, purpose);
    if (text === undefined) return undefined;
    // `as`: it was sealed by us, for this.
    const [state, nonce, verifier, redirectUri, to, begunAt] = JSON.parse(text) as [
      string,
      string,
      string,
      string,
      string,
      number,
    ];
    return { state, nonce, verifier, redirectUri, to, begunAt };
  }

  #secret(): string {
    return Buffer.from(this.#options.random.bytes(RANDOM_BYTES)).toString('base64url');
  }
}

import { createHash } from 'node:crypto';
import type { Clock, Random } from '@fairlead/core';
import type { LocalAnswer } from '../../engine/filter.ts';
import { Recent } from '../basic-auth/recent.ts';
import type { Provider } from './provider.ts';
import { keptClaims, type Session } from './session.ts';

/** What came of renewing a session's tokens. */
export type Renewal =
  | { readonly kind: 'renewed'; readonly session: Session }
  /** The provider gives nothing for it: the session has ended there, or its refresh token was used before. */
  | { readonly kind: 'refused' }
  /** What the provider gives is another's, or can't be believed. */
  | { readonly kind: 'foreign' }
  /** Nobody knows. */
  | { readonly kind: 'unknown'; readonly answer: LocalAnswer };

/** Tokens are renewed at most so long before they end, and at most a quarter of their life. */
const MOST_BEFORE_MS = 60_000;
const LIFE_PARTS = 4;
/** How long requests that still show the session of before get the one of after. */
const HELD_MS = 60_000;
/** How long a provider that does not answer is left alone. */
const PAUSE_MS = 1_000;
const MOST_HELD = 5_000;

/**
 * Renews tokens, once for all requests that show the same ones: a refresh token that comes a second time is taken for stolen, and
 * providers then end the whole session.
 */
export class Renewals {
  readonly #provider: Provider;
  readonly #clock: Clock;
  readonly #keep: readonly string[] | undefined;
  readonly #underWay = new Map<string, Promise<Renewal>>();
  readonly #held = new Recent<{ readonly renewal: Renewal; readonly untilMs: number }>(MOST_HELD);

  /** From a half to all of the time before a token's end. Processes differ in it, so that seldom two of them renew the same. */
  readonly #share: number;

  constructor(
    provider: Provider,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    keep: readonly string[] | undefined,
  ) {
    this.#provider = provider;
    this.#clock = clock;
    this.#keep = keep;
    this.#share = 0.5 + random.next() / 2;
  }

  /** Whether its token ends soon: what goes upstream must not end on its way. */
  isDue({ tokenEndsAt, renewedAt }: Session): boolean {
    if (tokenEndsAt === undefined) return false;
    const beforeMs = Math.min(MOST_BEFORE_MS, (tokenEndsAt - renewedAt) / LIFE_PARTS) * this.#share;
    return this.#clock.now() >= tokenEndsAt - beforeMs;
  }

  renew(session: Session, refreshToken: string): Promise<Renewal> {
    const key = createHash('sha256').update(refreshToken).digest('base64');
    const held = this.#held.get(key);
    if (held !== undefined && held.untilMs > this.#clock.monotonic()) return Promise.resolve(held.renewal);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const asked = this.#ask(session, refreshToken)
      .then((renewal) => {
        const forMs = renewal.kind === 'unknown' ? PAUSE_MS : HELD_MS;
        this.#held.set(key, { renewal, untilMs: this.#clock.monotonic() + forMs });
        return renewal;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asked);
    return asked;
  }

  async #ask(session: Session, refreshToken: string): Promise<Renewal> {
    const given = await this.#provider.refresh(refreshToken, session.claims);
    if ('cause' in given) {
      const isOver = given.cause === 'LOGIN_REFUSED' && given.members?.['error'] === 'invalid_grant';
      if (isOver) return { kind: 'refused' };
      return given.cause === 'PROVIDER_INVALID' ? { kind: 'foreign' } : { kind: 'unknown', answer: given };
    }
    return {
      kind: 'renewed',
      session: {
        ...session,
        claims: keptClaims(given.claims, this.#keep),
        renewedAt: this.#clock.now(),
        tokenEndsAt: given.endsAt,
        accessToken: session.accessToken === undefined ? undefined : given.accessToken,
        refreshToken: given.refreshToken ?? refreshToken,
        idToken: session.idToken === undefined ? undefined : (given.idToken ?? session.idToken),
      },
    };
  }
}

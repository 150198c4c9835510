import { createHash } from 'node:crypto';
import type { Clock } from '@fairlead/core';
import type { LocalAnswer } from '../../engine/filter.ts';
import { Recent } from '../basic-auth/recent.ts';
import type { Provider } from './provider.ts';
import { keptClaims, type Session } from './session.ts';

/** What came of renewing a session's tokens. */
export type Renewal =
  | { readonly kind: 'renewed'; readonly session: Session }
  /** The provider has ended it, or says that it is another's. */
  | { readonly kind: 'ended' }
  /** Nobody knows. */
  | { readonly kind: 'unknown'; readonly answer: LocalAnswer };

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

  constructor(provider: Provider, clock: Clock, keep: readonly string[] | undefined) {
    this.#provider = provider;
    this.#clock = clock;
    this.#keep = keep;
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
      // Whoever says that it is somebody else is not to be asked again.
      return isOver || given.cause === 'PROVIDER_INVALID' ? { kind: 'ended' } : { kind: 'unknown', answer: given };
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

import { createHash } from 'node:crypto';
import type { Clock, Random } from '@fairlead/core';
import { Recent } from '../basic-auth/recent.ts';
import { clearCookie, clearedCookie, joinedCookie, setCookie, splitCookie, type Cookies } from './cookies.ts';
import type { LoginReason } from './oidc-fault.ts';
import type { ResolvedOidcSpec } from './oidc-spec.ts';
import type { Tokens } from './provider.ts';
import type { Seal } from './seal.ts';
import { keptClaims, readSession, sessionText, type Session } from './session.ts';

/** What a browser's cookies say. */
export type Standing =
  | {
      readonly kind: 'good';
      readonly session: Session;
      /** When it was last used, as far as the browser knows. */
      readonly seenAt: number;
    }
  | { readonly kind: 'none'; readonly reason: LoginReason };

/** Sessions that were ended are remembered until so many others were. */
const MOST_ENDED = 10_000;
/** Sessions that are at hand without being opened anew; each is a few kilobytes. */
const MOST_OPENED = 2_000;
const ID_BYTES = 18;
/** A session that is used is marked as used so often within the time that it may be idle. */
const MARKS_AN_IDLE = 10;

/**
 * Sessions, as browsers keep them: one cookie holds the session, and only logins and renewals write it; another says when it was last
 * used. So a slow answer never brings an old refresh token back.
 */
export class Sessions {
  readonly #spec: ResolvedOidcSpec;
  readonly #seal: Seal;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ended = new Recent<true>(MOST_ENDED);
  readonly #recent = new Recent<Session>(MOST_OPENED);

  constructor(
    spec: ResolvedOidcSpec,
    seal: Seal,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#spec = spec;
    this.#seal = seal;
    this.#clock = clock;
    this.#random = random;
  }

  /** `host`: a session is one of the host where it was begun. */
  read(cookies: Cookies, host: string): Standing {
    const { cookie, absoluteMs, idleMs } = this.#spec;
    const sealed = joinedCookie(cookies, cookie);
    if (sealed === undefined) return { kind: 'none', reason: 'missing' };
    const session = this.#opened(sealed, this.#purpose('session', host));
    if (session === undefined) return { kind: 'none', reason: 'invalid' };
    if (this.#ended.get(session.id) === true) return { kind: 'none', reason: 'ended' };
    const now = this.#clock.now();
    const seenAt = Math.max(session.renewedAt, this.#seenAt(cookies, host, session.id));
    if (now - session.startedAt >= absoluteMs || now - seenAt >= idleMs) return { kind: 'none', reason: 'expired' };
    return { kind: 'good', session, seenAt };
  }

  /** A new one, whatever there was before. */
  begin({ claims, accessToken, refreshToken, idToken, endsAt }: Tokens): Session {
    const { forward, refreshes, endsProvider, keep } = this.#spec;
    const now = this.#clock.now();
    return {
      id: Buffer.from(this.#random.bytes(ID_BYTES)).toString('base64url'),
      claims: keptClaims(claims, keep),
      startedAt: now,
      renewedAt: now,
      tokenEndsAt: endsAt,
      accessToken: forward ? accessToken : undefined,
      refreshToken: refreshes ? refreshToken : undefined,
      idToken: endsProvider ? idToken : undefined,
    };
  }

  /** Cookies that keep it; `undefined` when it is too large for any. */
  written(session: Session, cookies: Cookies, host: string): readonly string[] | undefined {
    const { cookie, absoluteMs } = this.#spec;
    const forMs = Math.max(0, session.startedAt + absoluteMs - this.#clock.now());
    const write = (what: Session): string[] | undefined =>
      splitCookie(cookies, cookie, this.#seal.seal(sessionText(what), this.#purpose('session', host)), forMs);
    // Without the ID token a logout asks once more at the provider; that is all.
    return write(session) ?? write({ ...session, idToken: undefined });
  }

  /** A cookie that says that it is used now, when it is time to say so. */
  mark({ session, seenAt }: Extract<Standing, { kind: 'good' }>, host: string): string | undefined {
    const { cookie, idleMs } = this.#spec;
    const now = this.#clock.now();
    if (now - seenAt < idleMs / MARKS_AN_IDLE) return undefined;
    const text = JSON.stringify([session.id, now]);
    return setCookie(`${cookie}.seen`, this.#seal.seal(text, this.#purpose('seen', host)), idleMs);
  }

  /** Cookies that leave nothing of it. */
  cleared(cookies: Cookies): readonly string[] {
    const seen = `${this.#spec.cookie}.seen`;
    return [...clearedCookie(cookies, this.#spec.cookie), ...(cookies.has(seen) ? [clearCookie(seen)] : [])];
  }

  /** Ends one for this process, also for who has kept its cookies. */
  end(session: Session): void {
    this.#ended.set(session.id, true);
  }

  #seenAt(cookies: Cookies, host: string, id: string): number {
    const sealed = cookies.get(`${this.#spec.cookie}.seen`);
    const text = sealed === undefined ? undefined : this.#seal.open(sealed, this.#purpose('seen', host));
    if (text === undefined) return 0;
    // `as`: it was sealed by us, for this.
    const [whose, seenAt] = JSON.parse(text) as [string, number];
    return whose === id ? seenAt : 0;
  }

  /** Opening one takes some 70 µs, finding one that was opened before 3. */
  #opened(sealed: string, purpose: string): Session | undefined {
    const key = createHash('sha256').update(purpose).update(sealed).digest('base64');
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const text = this.#seal.open(sealed, purpose);
    if (text === undefined) return undefined;
    const session = readSession(text);
    this.#recent.set(key, session);
    return session;
  }

  #purpose(what: string, host: string): string {
    const { cookie, issuer, clientId } = this.#spec;
    return JSON.stringify([what, cookie, issuer, clientId, host]);
  }
}

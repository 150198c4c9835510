/** What is known of somebody who has logged in; a client keeps it, sealed. */
export interface Session {
  /** Random; the same over renewals of tokens, never over logins. */
  readonly id: string;
  /** Of the ID token, and of userinfo when it is asked. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAt: number;
  /** When tokens came last. */
  readonly renewedAt: number;
  /** When the access token ends; `undefined` when the provider doesn't say. */
  readonly tokenEndsAt: number | undefined;
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
  /** For the provider's logout only. */
  readonly idToken: string | undefined;
}

/** Claims about the token rather than about who it is for. */
const OF_THE_TOKEN = new Set(['at_hash', 'c_hash', 's_hash', 'nonce', 'aud', 'azp', 'iat', 'exp', 'nbf', 'jti', 'rat']);

/** Those claims that a session keeps: all that say something of somebody, or those that were chosen, and `sub`. */
export function keptClaims(
  claims: Readonly<Record<string, unknown>>,
  keep: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) =>
      keep === undefined ? !OF_THE_TOKEN.has(name) : name === 'sub' || name === 'iss' || keep.includes(name),
    ),
  );
}

/** A session as text. */
export function sessionText(session: Session): string {
  const { id, claims, startedAt, renewedAt, tokenEndsAt, accessToken, refreshToken, idToken } = session;
  return JSON.stringify([id, startedAt, renewedAt, tokenEndsAt, claims, accessToken, refreshToken, idToken]);
}

/** Reads what `sessionText` has written, which nobody else can have sealed. */
export function readSession(text: string): Session {
  // `as`: it was sealed by us, and `null` stands where there is nothing.
  const [id, startedAt, renewedAt, tokenEndsAt, claims, accessToken, refreshToken, idToken] = JSON.parse(text) as [
    string,
    number,
    number,
    number | null,
    Record<string, unknown>,
    string | null,
    string | null,
    string | null,
  ];
  return {
    id,
    startedAt,
    renewedAt,
    tokenEndsAt: tokenEndsAt ?? undefined,
    claims,
    accessToken: accessToken ?? undefined,
    refreshToken: refreshToken ?? undefined,
    idToken: idToken ?? undefined,
  };
}

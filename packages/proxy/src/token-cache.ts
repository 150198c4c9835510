/** A verified token's claims, as far as the gateway passes them on. */
export interface Identity {
  readonly tenant: string;
  readonly subject: string;
  readonly roles: readonly string[];
  /** Milliseconds since the epoch: from then on the token is expired. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch: before then it is not valid yet. */
  readonly notBefore: number;
}

/** Tokens whose signature has been checked, the least recently used forgotten first. */
export interface TokenCache {
  /** The identity, while it is valid; an expired one is forgotten. */
  get(token: string, now: number): Identity | undefined;
  set(token: string, identity: Identity): void;
  /** Forgets all: after a change of keys nothing verified before counts. */
  clear(): void;
  readonly size: number;
}

/** A cache of at most `maxTokens`; 0 keeps none. */
export function tokenCache(maxTokens: number): TokenCache {
  // A Map keeps the order of insertion: the first key is the least recently used.
  const identities = new Map<string, Identity>();
  return {
    get(token, now) {
      const identity = identities.get(token);
      if (identity === undefined) return undefined;
      identities.delete(token);
      if (now >= identity.expiresAt || now < identity.notBefore) return undefined;
      identities.set(token, identity);
      return identity;
    },
    set(token, identity) {
      if (maxTokens === 0) return;
      identities.delete(token);
      if (identities.size >= maxTokens) {
        const oldest = identities.keys().next();
        if (oldest.done !== true) identities.delete(oldest.value);
      }
      identities.set(token, identity);
    },
    clear: () => identities.clear(),
    get size() {
      return identities.size;
    },
  };
}

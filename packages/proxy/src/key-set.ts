import { importJWK } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWK } from 'jose';

/** The only algorithms that tokens may be signed with: each needs a private key that the gateway never sees. */
export type SignatureAlgorithm = 'EdDSA' | 'ES256' | 'RS256';

/** A public key, pinned to its algorithm. */
export interface PublicKey {
  readonly kid: string | undefined;
  readonly algorithm: SignatureAlgorithm;
  readonly key: CryptoKey;
}

/** The platform's public keys at one time. */
export interface KeySet {
  readonly keys: readonly PublicKey[];
  /** The key for a token's header: by `kid`, or, without one, the only key of that algorithm. */
  find(kid: string | undefined, algorithm: string): PublicKey | undefined;
  /** The same text for the same keys. */
  readonly fingerprint: string;
}

/**
 * Reads a JWKS (RFC 7517). Keys that can't verify a token of ours are left out: symmetric and private ones, those for
 * encryption, other curves and algorithms, RSA below 2 048 bits. A key without `alg` gets the one that its type implies.
 */
export async function readKeySet(jwks: JSONWebKeySet): Promise<KeySet> {
  const usable = Array.isArray(jwks.keys) ? jwks.keys.flatMap((jwk) => publicHalf(jwk) ?? []) : [];
  const imported = await Promise.all(
    usable.map(async ({ jwk, algorithm }) => {
      // `as`: only symmetric keys become bytes, and they are left out above. A key of garbage is left out, too.
      const key = await (importJWK(jwk, algorithm) as Promise<CryptoKey>).catch(() => undefined);
      return key === undefined ? [] : [{ kid: jwk.kid, algorithm, key }];
    }),
  );
  const keys: readonly PublicKey[] = imported.flat();
  return {
    keys,
    fingerprint: JSON.stringify(usable.map(({ jwk, algorithm }) => [jwk.kid, algorithm, jwk.n ?? jwk.x, jwk.y])),
    find(kid, algorithm) {
      const candidates = keys.filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid));
      return candidates.length === 1 ? candidates[0] : undefined;
    },
  };
}

function publicHalf(jwk: JWK): { jwk: JWK; algorithm: SignatureAlgorithm } | undefined {
  const { kty, crv, kid, alg, use, n, e, x, y } = jwk;
  if (jwk.d !== undefined || jwk.k !== undefined || (use !== undefined && use !== 'sig')) return undefined;
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) return undefined;
  const named = kid === undefined ? {} : { kid: String(kid) };
  if (kty === 'OKP' && crv === 'Ed25519' && x !== undefined) return pinned({ kty, crv, x, ...named }, 'EdDSA', alg);
  if (kty === 'EC' && crv === 'P-256' && x !== undefined && y !== undefined)
    return pinned({ kty, crv, x, y, ...named }, 'ES256', alg);
  // 2 048 bits are 256 bytes, 342 characters of base64url.
  if (kty === 'RSA' && n !== undefined && e !== undefined && n.length >= 342)
    return pinned({ kty, n, e, ...named }, 'RS256', alg);
  return undefined;
}

function pinned(
  jwk: JWK,
  algorithm: SignatureAlgorithm,
  stated: string | undefined,
): { jwk: JWK; algorithm: SignatureAlgorithm } | undefined {
  return stated === undefined || stated === algorithm ? { jwk, algorithm } : undefined;
}

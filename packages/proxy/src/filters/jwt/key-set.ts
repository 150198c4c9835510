import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { importJWK, type CryptoKey, type JWK } from 'jose';

/** What a token may be signed with. `HS…` only with keys that were written down here, never with fetched ones. */
export const ALGORITHMS = [
  'EdDSA',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'HS256',
  'HS384',
  'HS512',
] as const;

/** One of `ALGORITHMS`. */
export type SignatureAlgorithm = (typeof ALGORITHMS)[number];

/** A key, pinned to its algorithm. */
export interface VerificationKey {
  readonly kid: string | undefined;
  readonly algorithm: SignatureAlgorithm;
  readonly key: CryptoKey | Uint8Array;
}

/** The keys at one time. */
export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** The key for a token's header: by `kid`, or, without one, the only key of that algorithm. */
  find(kid: string | undefined, algorithm: string): VerificationKey | undefined;
  /** The same text for the same keys. */
  readonly fingerprint: string;
}

/** Which keys are taken. */
export interface KeySetOptions {
  /** Only keys of these. Default: any. */
  readonly algorithms?: readonly SignatureAlgorithm[] | undefined;
  /** Whether secrets (`kty` `oct`) are taken. Default false: who publishes keys must not publish those. */
  readonly secrets?: boolean;
}

/** A secret is at least as long as the hash (RFC 7518, section 3.2). */
const HASHES = [
  { algorithm: 'HS256', bytes: 32 },
  { algorithm: 'HS384', bytes: 48 },
  { algorithm: 'HS512', bytes: 64 },
] as const;
/** 2 048 bits are 256 bytes, 342 characters of base64url. */
const LEAST_MODULUS_LENGTH = 342;
const CURVES: Readonly<Record<string, SignatureAlgorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };
/** With an exponent of 1 anybody can sign. */
const POINTLESS_EXPONENTS = new Set(['', 'AA', 'AQ', 'AAE', 'AAAB']);
const RSA_ALGORITHMS: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/**
 * Reads a JWKS (RFC 7517). Keys that can't verify a token are left out: private ones, those for encryption, curves and
 * algorithms that aren't asked for, RSA below 2 048 bits, secrets shorter than their hash. An RSA key without `alg` is one
 * for RS256; elliptic curves have one algorithm each; a secret without `alg` is left out.
 */
export async function readKeySet(
  jwks: { readonly keys: readonly JWK[] },
  { algorithms = ALGORITHMS, secrets = false }: KeySetOptions = {},
): Promise<KeySet> {
  const usable = (Array.isArray(jwks.keys) ? jwks.keys : []).flatMap((jwk: JWK) => verifying(jwk, secrets) ?? []);
  const imported = await Promise.all(
    usable
      .filter(({ algorithm }) => algorithms.includes(algorithm))
      .map(async ({ jwk, algorithm }) => {
        // A key of garbage is left out, too.
        const key = await importJWK(jwk, algorithm).catch(() => undefined);
        return key === undefined ? [] : [{ kid: jwk.kid, algorithm, key }];
      }),
  );
  const keys: readonly VerificationKey[] = imported.flat();
  return {
    keys,
    fingerprint: JSON.stringify(
      usable.map(({ jwk, algorithm }) => [jwk.kid, algorithm, jwk.n ?? jwk.x ?? jwk.k, jwk.y]),
    ),
    find(kid, algorithm) {
      const candidates = keys.filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid));
      return candidates.length === 1 ? candidates[0] : undefined;
    },
  };
}

/** Whether a key that was written down can verify a token of one of these algorithms. */
export function isUsableKey(jwk: JWK, algorithms: readonly SignatureAlgorithm[] = ALGORITHMS): boolean {
  const usable = verifying(jwk, true);
  if (usable === undefined || !algorithms.includes(usable.algorithm)) return false;
  if (usable.jwk.kty === 'oct') return true;
  try {
    // `as`: what is no key of Node's is what this finds out.
    createPublicKey({ key: usable.jwk as JsonWebKey, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

interface Usable {
  readonly jwk: JWK;
  readonly algorithm: SignatureAlgorithm;
}

/** What verifying takes of a key, and nothing else: members that name other places are not looked at. */
function verifying(jwk: JWK, secrets: boolean): Usable | undefined {
  const { kty, crv, kid, alg, use, n, e, x, y, k } = jwk;
  if (jwk.d !== undefined || (use !== undefined && use !== 'sig')) return undefined;
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) return undefined;
  const named = kid === undefined ? {} : { kid: String(kid) };
  if (kty === 'OKP' && crv === 'Ed25519' && x !== undefined) return pinned({ kty, crv, x, ...named }, 'EdDSA', alg);
  if (kty === 'EC' && crv !== undefined && x !== undefined && y !== undefined) {
    const algorithm = Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined;
    return algorithm && pinned({ kty, crv, x, y, ...named }, algorithm, alg);
  }
  if (kty === 'RSA' && n !== undefined && n.length >= LEAST_MODULUS_LENGTH && !POINTLESS_EXPONENTS.has(e ?? '')) {
    // `as`: it is one of the list.
    const algorithm = RSA_ALGORITHMS.includes(alg ?? '') ? (alg as SignatureAlgorithm) : 'RS256';
    return pinned({ kty, n, ...(e === undefined ? {} : { e }), ...named }, algorithm, alg);
  }
  const hash = HASHES.find(({ algorithm }) => algorithm === alg);
  if (kty !== 'oct' || !secrets || k === undefined || hash === undefined) return undefined;
  const isLong = Buffer.from(k, 'base64url').length >= hash.bytes;
  return isLong ? { jwk: { kty, k, ...named }, algorithm: hash.algorithm } : undefined;
}

function pinned(jwk: JWK, algorithm: SignatureAlgorithm, stated: string | undefined): Usable | undefined {
  return stated === undefined || stated === algorithm || (algorithm === 'EdDSA' && stated === 'Ed25519')
    ? { jwk, algorithm }
    : undefined;
}

import { createHash, createPublicKey, scryptSync } from 'node:crypto';
import { apiKeyHash } from '../../filters/api-key/api-key.ts';
import { given } from '../../snapshot/given.ts';
import type { Place } from '../../snapshot/snapshot-problem.ts';
import type { Consumer, Placed, TokenSecret } from './entities.ts';
import type { KongReport } from './kong-report.ts';
import type { ConsumerBook } from './plugin-import.ts';

/** What filters are told of a file's consumers. `hasPlainPasswords` is false when Kong has hashed them in its own way. */
export function consumerBook(
  consumers: readonly Consumer[],
  hasPlainPasswords: boolean,
  report: KongReport,
): ConsumerBook {
  let keyed: readonly object[] | undefined;
  let users: readonly object[] | undefined;
  const signers = new Map<boolean, readonly object[]>();
  return {
    withKeys: () => (keyed ??= consumers.flatMap((consumer) => keysOf(consumer, report))),
    withPasswords: () => (users ??= consumers.flatMap((consumer) => usersOf(consumer, hasPlainPasswords, report))),
    withSecrets(isBase64) {
      const made = signers.get(isBase64) ?? consumers.flatMap((consumer) => signersOf(consumer, isBase64, report));
      signers.set(isBase64, made);
      return made;
    },
    anonymous(name) {
      const found = consumers.find(({ value }) => [value.username, value.custom_id, value.id].includes(name));
      return found && identityOf(found, { anonymous: 'true' });
    },
  };
}

/** What every proof says of a consumer. */
function identityOf({ name, value, groups }: Consumer, more: Readonly<Record<string, string>> = {}): object {
  const about = given({ id: value.id, custom_id: value.custom_id, username: value.username, ...more });
  return {
    name,
    ...(groups.length === 0 ? {} : { roles: groups }),
    ...(Object.keys(about).length === 0 ? {} : { about }),
  };
}

function keysOf(consumer: Consumer, report: KongReport): readonly object[] {
  const { keys } = consumer;
  for (const { value, place } of keys)
    if (value.ttl !== undefined)
      report.note(
        [...place, 'ttl'],
        `a key of consumer ${consumer.name}`,
        'does not end by itself; take it out when its time is over',
      );
  return keys.length === 0 ? [] : [{ ...identityOf(consumer), keys: keys.map(({ value }) => apiKeyHash(value.key)) }];
}

/** The least that a hash may cost here. */
const COST = { N: 2 ** 14, r: 8, p: 1, maxmem: 2 ** 25 } as const;

function usersOf(consumer: Consumer, isPlain: boolean, report: KongReport): readonly object[] {
  return consumer.passwords.map(({ value: { username, password }, place }) => {
    if (!isPlain)
      report.refuse(
        [...place, 'password'],
        'was hashed by SHA-1, which protects no password; write the password, or hash it with fairlead gateway password',
      );
    // Made of who it is, so that a file that was only touched is no other configuration, and nobody shares a salt with another.
    // Of the password it may have nothing: it stands in clear beside the hash, and guesses would be told by one SHA-256.
    const whose = JSON.stringify([consumer.value.id ?? consumer.name, username]);
    const salt = createHash('sha256').update(whose).digest().subarray(0, 16);
    const derived = isPlain ? scryptSync(password.normalize('NFC'), salt, 32, COST) : salt;
    return {
      ...identityOf(consumer),
      name: username,
      consumer: consumer.name,
      hash: `$scrypt$ln=14,r=8,p=1$${bare(salt)}$${bare(derived)}`,
    };
  });
}

function bare(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

const HASH_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

function signersOf(consumer: Consumer, isBase64: boolean, report: KongReport): readonly object[] {
  return consumer.secrets.flatMap(({ value, place }) => {
    if (value.key === undefined) {
      report.refuse(place, 'has no key; Kong would make one that nobody knows');
      return [];
    }
    const jwk = jwkOf({ value, place }, isBase64, report);
    return jwk === undefined
      ? []
      : [{ ...identityOf(consumer, { credential: value.key }), issuer: value.key, keys: [jwk] }];
  });
}

function jwkOf({ value, place }: Placed<TokenSecret>, isBase64: boolean, report: KongReport): object | undefined {
  const { algorithm = 'HS256', secret, rsa_public_key: pem } = value;
  const bytes = HASH_BYTES[algorithm];
  if (bytes !== undefined) {
    if (secret === undefined) {
      report.refuse(place, 'has no secret; Kong would make one that nobody knows');
      return undefined;
    }
    const key = Buffer.from(secret, isBase64 ? 'base64' : 'utf8');
    if (key.length >= bytes) return { kty: 'oct', alg: algorithm, k: key.toString('base64url') };
    report.refuse(
      [...place, 'secret'],
      `is ${key.length} bytes long; ${algorithm} needs ${bytes} at least (RFC 7518, section 3.2), since a shorter one can be guessed`,
    );
    return undefined;
  }
  if (!/^(?:(?:RS|PS)(?:256|384|512)|ES(?:256|384|512)|EdDSA)$/.test(algorithm)) {
    report.refuse(
      [...place, 'algorithm'],
      `${JSON.stringify(algorithm)} is no algorithm that tokens are signed with here`,
    );
    return undefined;
  }
  if (pem === undefined) {
    report.refuse(place, `has no rsa_public_key, which ${algorithm} is verified by`);
    return undefined;
  }
  return publicJwk(pem, algorithm, [...place, 'rsa_public_key'], report);
}

const LEAST_MODULUS_BITS = 2_048;

function publicJwk(pem: string, algorithm: string, place: Place, report: KongReport): object | undefined {
  try {
    const key = createPublicKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && bits < LEAST_MODULUS_BITS) {
      report.refuse(place, `is a key of ${bits} bits; ${LEAST_MODULUS_BITS} are the least that protects a token`);
      return undefined;
    }
    return { ...key.export({ format: 'jwk' }), alg: algorithm };
  } catch {
    report.refuse(place, 'is no public key in PEM');
    return undefined;
  }
}

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock, FairleadError } from '@fairlead/core';
import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from 'jose';
import { fail } from '../errors.ts';
import type { AcmeAnswer, AcmeTransport } from './acme-transport.ts';

/** Whose account it is, and where. */
export interface AcmeAccountOptions {
  /** URL of the authority's directory. */
  readonly directory: string;
  /** The account's P-256 key, in PEM. */
  readonly key: string;
  /** Addresses of e-mail. */
  readonly contact: readonly string[];
  /** Binds it to one that is there already: `key` as the authority gave it, in base64url. */
  readonly eab: { readonly keyId: string; readonly key: string } | undefined;
  readonly transport: AcmeTransport;
  readonly clock: Clock;
}

/** An account with an authority (RFC 8555): what is asked is signed, and rejected nonces are tried again. */
export interface AcmeAccount {
  /** Digest of its key, which answers to challenges end with (RFC 7638). */
  readonly thumbprint: string;
  /** URL of one of the directory's services, such as `newOrder`. @throws ACME_REFUSED when it has none */
  service(name: string): string;
  /**
   * Posts a payload, or `undefined` to read what is there ("POST-as-GET").
   * @throws ACME_REFUSED with the authority's problem and its `Retry-After`, ACME_UNREACHABLE
   */
  post(url: string, payload: object | undefined): Promise<AcmeAnswer>;
}

/** Authorities may reject any nonce; one that rejects so many in a row rejects us. */
const MOST_NONCES = 20;

/**
 * Opens an account, or finds it by its key; `signal` ends all that is asked with it.
 * @throws ACME_REFUSED, ACME_UNREACHABLE
 */
export async function acmeAccount(options: AcmeAccountOptions, signal: AbortSignal): Promise<AcmeAccount> {
  const { transport, clock } = options;
  const key: KeyObject = createPrivateKey(options.key);
  const jwk = await exportJWK(createPublicKey(key));
  const listing = await transport({ method: 'GET', url: options.directory, signal });
  if (listing.status !== 200) throw refusal(options.directory, listing, clock);
  const services = jsonOf(options.directory, listing);
  let nonce: string | undefined;

  function service(name: string): string {
    const url = services[name];
    if (typeof url === 'string') return url;
    throw fail('ACME_REFUSED', `${options.directory} is no directory of ACME: it has no ${name}. Check the URL.`);
  }

  async function freshNonce(): Promise<string> {
    const answer = await transport({ method: 'HEAD', url: service('newNonce'), signal });
    const fresh = answer.field('replay-nonce');
    if (fresh === undefined) throw fail('ACME_REFUSED', `${service('newNonce')} gives no nonce.`);
    return fresh;
  }

  async function signed(url: string, payload: object | undefined, who: { jwk: JWK } | { kid: string }) {
    for (let count = 0; ; count += 1) {
      const header = { alg: 'ES256', url, nonce: nonce ?? (await freshNonce()), ...who };
      nonce = undefined;
      const text = payload === undefined ? '' : JSON.stringify(payload);
      const body = await new FlattenedSign(Buffer.from(text)).setProtectedHeader(header).sign(key);
      const answer = await transport({ method: 'POST', url, body: JSON.stringify(body), signal });
      nonce = answer.field('replay-nonce');
      if (answer.status < 400) return answer;
      const refused = refusal(url, answer, clock);
      if (refused.details['type'] !== 'urn:ietf:params:acme:error:badNonce' || count >= MOST_NONCES) throw refused;
    }
  }

  const url = service('newAccount');
  const { eab } = options;
  const bound =
    eab &&
    (await new FlattenedSign(Buffer.from(JSON.stringify(jwk)))
      .setProtectedHeader({ alg: 'HS256', kid: eab.keyId, url })
      .sign(Buffer.from(eab.key.trim(), 'base64url')));
  const opened = await signed(
    url,
    {
      termsOfServiceAgreed: true,
      contact: options.contact.map((address) => `mailto:${address}`),
      ...(bound === undefined ? {} : { externalAccountBinding: bound }),
    },
    { jwk },
  );
  const kid = opened.field('location');
  if (kid === undefined) throw fail('ACME_REFUSED', `${url} doesn't say which account it has opened.`);
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    service,
    post: (to, payload) => signed(to, payload, { kid }),
  };
}

/** An answer's members. @throws ACME_REFUSED when it has none */
export function jsonOf(url: string, { body }: AcmeAnswer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    // `as`: an object, whose members are looked at before they are used.
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // It is told below.
  }
  throw fail('ACME_REFUSED', `${url} answers with what is no JSON. Check the URL of the directory.`);
}

/** What an authority refuses, in its own words (RFC 8555, section 6.7). */
function refusal(url: string, answer: AcmeAnswer, clock: Clock): FairleadError {
  const { type, detail } = problemOf(answer.body);
  const retryAfterMs = retryAfterOf(answer, clock);
  return fail(
    'ACME_REFUSED',
    `${new URL(url).origin} refuses with ${answer.status}: ${detail ?? type ?? 'no reason'}`,
    {
      details: { status: answer.status, ...(type === undefined ? {} : { type }) },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

function problemOf(body: string): { readonly type?: string; readonly detail?: string } {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return {};
    return {
      ...('type' in value && typeof value.type === 'string' ? { type: value.type } : {}),
      ...('detail' in value && typeof value.detail === 'string' ? { detail: value.detail } : {}),
    };
  } catch {
    return {};
  }
}

/** How long an authority wants to be left alone, in milliseconds: seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfterOf(answer: AcmeAnswer, clock: Clock): number | undefined {
  const text = answer.field('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - clock.now());
}

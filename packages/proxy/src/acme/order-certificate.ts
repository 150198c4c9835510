import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '@fairlead/core';
import { fail } from '../errors.ts';
import { jsonOf, retryAfterOf, type AcmeAccount } from './acme-account.ts';
import type { AcmeAnswer } from './acme-transport.ts';
import { certificateRequest } from './certificate-request.ts';

/** What an order needs. */
export interface OrderOptions {
  readonly account: AcmeAccount;
  readonly names: readonly string[];
  /** Makes `/.well-known/acme-challenge/{token}` answer with `text`, until what it returns is called. */
  readonly publish: (token: string, text: string) => Promise<() => Promise<void>>;
  readonly clock: Clock;
  /** Ends waiting. */
  readonly signal: AbortSignal;
}

/** A certificate with its chain, and its key, in PEM. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

type Members = Readonly<Record<string, unknown>>;

const LEAST_POLL_MS = 500;
const MOST_POLL_MS = 10_000;
/** Waits longer than that are no polls: the order is given up, and tried again then. */
const MOST_PATIENCE_MS = 60_000;

/**
 * Orders a certificate: proves each name over http-01, and has a new key certified (RFC 8555, section 7.4).
 * @throws ACME_REFUSED when a name isn't proved, or the authority says no; ACME_UNREACHABLE
 */
export async function orderCertificate(options: OrderOptions): Promise<IssuedCertificate> {
  const { account, names } = options;
  const identifiers = names.map((value) => ({ type: 'dns', value }));
  const placed = await account.post(account.service('newOrder'), { identifiers });
  const url = placed.field('location');
  if (url === undefined) throw fail('ACME_REFUSED', 'The authority does not say which order it has taken.');
  const order = jsonOf(url, placed);
  for (const authorization of texts(order['authorizations'])) await prove(authorization, options);

  const ready = await settled(url, ['pending'], options);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (ready['status'] !== 'valid') {
    const csr = certificateRequest(names, privateKey).toString('base64url');
    await account.post(text(ready, 'finalize'), { csr });
  }
  const done = await settled(url, ['pending', 'ready', 'processing'], options);
  if (done['status'] !== 'valid') throw refused(`The order for ${names.join(', ')}`, done);
  const issued = await account.post(text(done, 'certificate'), undefined);
  return { cert: issued.body, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Proves that a name is ours, unless that is known. */
async function prove(url: string, options: OrderOptions): Promise<void> {
  const { account, publish } = options;
  const authorization = jsonOf(url, await account.post(url, undefined));
  if (authorization['status'] === 'valid') return;
  const name = text(members(authorization['identifier']), 'value');
  if (authorization['status'] !== 'pending') throw refused(`The proof for ${name}`, authorization);
  const challenge = list(authorization['challenges'])
    .map((each) => members(each))
    .find(({ type }) => type === 'http-01');
  if (challenge === undefined) throw fail('ACME_REFUSED', `The authority doesn't take http-01 as a proof for ${name}.`);
  const token = text(challenge, 'token');
  const withdraw = await publish(token, `${token}.${account.thumbprint}`);
  try {
    await account.post(text(challenge, 'url'), {});
    const end = await settled(url, ['pending'], options);
    if (end['status'] !== 'valid') throw refused(`The proof for ${name}`, end);
  } finally {
    await withdraw();
  }
}

/** Asks until something's status is none of `waiting`. */
async function settled(
  url: string,
  waiting: readonly string[],
  { account, clock, signal }: OrderOptions,
): Promise<Members> {
  for (let pauseMs = LEAST_POLL_MS; ; pauseMs = Math.min(MOST_POLL_MS, pauseMs * 2)) {
    const answer = await account.post(url, undefined);
    const found = jsonOf(url, answer);
    if (!waiting.includes(String(found['status']))) return found;
    await clock.sleep(pollMs(answer, clock, pauseMs), signal);
  }
}

function pollMs(answer: AcmeAnswer, clock: Clock, pauseMs: number): number {
  const wantedMs = retryAfterOf(answer, clock) ?? pauseMs;
  if (wantedMs <= MOST_PATIENCE_MS) return Math.max(LEAST_POLL_MS, wantedMs);
  throw fail('ACME_REFUSED', `The authority wants to be asked again in ${Math.ceil(wantedMs / 1_000)} s.`, {
    retryAfterMs: wantedMs,
  });
}

/** What became of an order or a proof, with the authority's reasons. */
function refused(what: string, found: Members) {
  const failures = [found, ...list(found['challenges']).map((each) => members(each))]
    .map((each) => members(each['error']))
    .filter(({ detail }) => typeof detail === 'string');
  const reasons = failures.map(({ detail }) => String(detail)).join('; ');
  const [{ type } = {}] = failures;
  return fail('ACME_REFUSED', `${what} is ${String(found['status'])}: ${reasons || 'no reason is given'}`, {
    details: typeof type === 'string' ? { type } : {},
  });
}

function members(value: unknown): Members {
  // `as`: an object, whose members are looked at before they are used.
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((each) => typeof each === 'string');
}

function text(from: Members, name: string): string {
  const value = from[name];
  if (typeof value === 'string') return value;
  throw fail('ACME_REFUSED', `The authority's answer has no ${name}.`);
}

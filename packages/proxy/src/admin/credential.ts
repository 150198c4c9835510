import { createHash, timingSafeEqual } from 'node:crypto';
import { FairleadError } from '@fairlead/core';
import type { ListenAddress } from '@fairlead/net';
import { fail } from '../errors.ts';

/** What of a request says who asks, and from where. */
export interface GuardedRequest {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

/** Fewer characters could be guessed. */
const LEAST_CREDENTIAL = 16;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Checks a credential before it is relied upon, and where it would travel.
 * @throws MISCONFIGURED when it is too short, or the address is neither a Unix socket nor loopback and that isn't said to be meant
 */
export function checkChangesAllowed(credential: string, listen: ListenAddress, mayTravel: boolean): void {
  if (credential.length < LEAST_CREDENTIAL) {
    throw misconfigured(
      `The admin credential has ${credential.length} characters; take at least ${LEAST_CREDENTIAL}, such as what openssl rand -base64 24 prints.`,
    );
  }
  if (mayTravel || 'path' in listen || isLoopback(listen.host)) return;
  throw misconfigured(
    `The admin server at ${listen.host}:${listen.port} speaks without TLS, and others could read the credential. Listen on 127.0.0.1 or a Unix socket, leave the credential out so that nothing can be changed, or say that this network is your own.`,
  );
}

/** Whether an address is this machine's alone. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Whether a request means this server: one at loopback is asked by loopback's names. A page that has its own name lead to 127.0.0.1 still sends
 * that name.
 */
export function isOurHost({ host = '' }: GuardedRequest, listen: ListenAddress): boolean {
  if ('path' in listen || !isLoopback(listen.host)) return true;
  return isLoopback(
    host
      .toLowerCase()
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1'),
  );
}

/**
 * Refuses a change that a page in a browser may have caused: those say where they come from, and tools don't. A page that has its own name
 * lead here still has an `Origin`.
 * @throws FOREIGN_PAGE
 */
export function checkOrigin({ origin, host }: GuardedRequest): void {
  if (origin === undefined || (host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`)) return;
  throw fail('FOREIGN_PAGE', 'A page of another origin may change nothing here.');
}

/**
 * Refuses a request without the right `Authorization: Bearer`. Digests are compared, in constant time, so that neither the credential's content
 * nor its length can be measured.
 * @throws CHANGES_OFF when there is no credential at all, CREDENTIAL_WRONG
 */
export function checkCredential({ authorization }: GuardedRequest, credential: string | undefined): void {
  if (credential === undefined) {
    throw fail(
      'CHANGES_OFF',
      'This admin server has no credential, so that nothing can be changed. Start the gateway with one.',
    );
  }
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined || !timingSafeEqual(digest(given), digest(credential))) {
    throw fail(
      'CREDENTIAL_WRONG',
      'Send "Authorization: Bearer <credential>" with the one that this gateway was started with.',
    );
  }
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}

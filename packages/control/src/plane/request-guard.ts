import { createHash, timingSafeEqual } from 'node:crypto';
import { fail } from '../errors.ts';

/** The parts of a request that say who asks, and by which name. */
export interface GuardedRequest {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

/** Names by which loopback is meant; a page that rebinds its own name to 127.0.0.1 still sends that name. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Refuses a request that another site's page may have caused: its Host must be loopback with this port, its Origin
 * absent or the same.
 * @throws FORBIDDEN_HOST or FORBIDDEN_ORIGIN
 */
export function checkOrigin(request: GuardedRequest, port: number): void {
  const hosts = LOOPBACK.map((name) => `${name}:${port}`);
  const host = request.host?.toLowerCase();
  if (host === undefined || !hosts.includes(host)) {
    throw fail(
      'FORBIDDEN_HOST',
      `This is the admin API of ${hosts[0]}; it does not answer to "${request.host ?? ''}".`,
    );
  }
  if (request.origin !== undefined && request.origin.toLowerCase() !== `http://${host}`) {
    throw fail('FORBIDDEN_ORIGIN', `A page of "${request.origin}" may not use the admin API of http://${host}.`);
  }
}

/**
 * Refuses a request without the right `Authorization: Bearer`. Digests are compared, in constant time, so that neither
 * the credential's content nor its length can be measured.
 * @throws UNAUTHENTICATED
 */
export function checkCredential(request: GuardedRequest, credential: string): void {
  const given = /^Bearer +(\S+)$/i.exec(request.authorization ?? '')?.[1];
  if (given === undefined || !timingSafeEqual(digest(given), digest(credential))) {
    throw fail(
      'UNAUTHENTICATED',
      'Send "Authorization: Bearer <credential>"; the credential is in secrets/admin.token of the data directory.',
    );
  }
}

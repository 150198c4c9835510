import type { ConsumerRow } from './consumer-row.ts';
import type { Identity } from './filter.ts';

/**
 * Somebody whom a filter knows from many requests. What others make of it for each of them is made once and stands here: to look it up by
 * the identity, or by texts made of it, takes as long as the rest of what they do.
 */
export class ProvenIdentity implements Identity {
  readonly consumer?: string;
  readonly subject?: string;
  readonly tenant?: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly #subjectKey: string;
  #row: ConsumerRow | undefined;

  constructor({ consumer, subject, tenant, roles, scopes, claims }: IdentityParts) {
    if (consumer !== undefined) this.consumer = consumer;
    if (subject !== undefined) this.subject = subject;
    if (tenant !== undefined) this.tenant = tenant;
    this.roles = roles;
    this.scopes = scopes;
    this.claims = claims;
    this.#subjectKey = keyOf(this);
    Object.freeze(this);
  }

  /** See `subjectKey`. */
  get subjectKey(): string {
    return this.#subjectKey;
  }

  /** Where it is counted, once it was. */
  get row(): ConsumerRow | undefined {
    return this.#row;
  }

  set row(row: ConsumerRow | undefined) {
    this.#row = row;
  }
}

/** An identity, with what it lacks left open. */
interface IdentityParts extends Pick<Identity, 'roles' | 'scopes' | 'claims'> {
  readonly consumer?: string | undefined;
  readonly subject?: string | undefined;
  readonly tenant?: string | undefined;
}

/** The subject as one text with its tenant, whose own it is; empty without one. */
export function subjectKey(identity: Identity | undefined): string {
  if (identity === undefined) return '';
  return identity instanceof ProvenIdentity ? identity.subjectKey : keyOf(identity);
}

function keyOf({ tenant, subject }: Identity): string {
  return subject === undefined ? '' : `${tenant ?? ''}/${subject}`;
}

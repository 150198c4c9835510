import { contextToHeaders, createContext } from '@fairlead/core';
import { z } from 'zod';
import type { Filter, Identity, LocalAnswer, Passage } from '../engine/filter.ts';
import { forbidden } from '../filters/jwt/jwt-fault.ts';
import { jwtFilter } from '../filters/jwt/jwt-filter.ts';
import type { ResolvedJwtSpec } from '../filters/jwt/jwt-spec.ts';
import type { JwtVerifier } from '../filters/jwt/jwt-verifier.ts';
import type { FilterKind, SayingKind } from '../snapshot/filter-kind.ts';
import type { ResolvedOptions } from './options.ts';

// The filters of the platform's own gateway, in the order in which a request meets them.
export const TOKEN = 'platform-token';
export const ROLES = 'platform-roles';
export const ABSENT = 'platform-absent';
export const HEADERS = 'platform-headers';

const GATEWAY = 'gateway';
const TIMEOUT_FIELD = 'x-fairlead-timeout-ms';

/** What the filters of the platform's own gateway do, for those who explain it. */
export const PLATFORM_WORDS: readonly SayingKind[] = [
  { type: TOKEN, explain: () => 'verifies the token of the platform' },
  { type: ROLES, explain: (spec) => `needs one of the roles ${writtenBySnapshot(spec).roles.join(', ')}` },
  { type: ABSENT, explain: (spec) => `says that ${writtenBySnapshot(spec).service} was not started` },
  { type: HEADERS, explain: () => 'tells the service who asks, and how much time is left' },
];

/** What the platform's gateway asks of every request, as kinds of filters: for snapshots that code makes, so nothing is checked. */
export function platformKinds(
  options: ResolvedOptions,
  spec: ResolvedJwtSpec,
  verifier: JwtVerifier,
): readonly FilterKind[] {
  const token = jwtFilter(spec, verifier);
  const headers = identityHeaders(options);
  const makers: Readonly<Record<string, (spec: PlatformSpec) => Filter>> = {
    [TOKEN]: () => ({ ...token, type: TOKEN, request: (passage) => token.request?.(passage) }),
    [ROLES]: ({ roles }) => rolesFilter(roles),
    [ABSENT]: ({ service }) => absentFilter(service),
    [HEADERS]: () => headers,
  };
  return PLATFORM_WORDS.map((words) => ({
    ...words,
    schema: z.unknown(),
    make: (written) => makers[words.type]?.(writtenBySnapshot(written)) ?? headers,
  }));
}

interface PlatformSpec {
  readonly type: string;
  readonly roles: readonly string[];
  readonly service: string;
}

function writtenBySnapshot(spec: unknown): PlatformSpec {
  // `as`: specifications of these types are made by `gatewaySnapshot` only.
  return spec as PlatformSpec;
}

function rolesFilter(roles: readonly string[]): Filter {
  const refused = forbidden(`This needs one of the roles ${roles.join(', ')}.`);
  return {
    type: ROLES,
    request: ({ identity }) => (roles.some((role) => identity?.roles.includes(role)) ? undefined : refused),
  };
}

function absentFilter(service: string): Filter {
  const answer: LocalAnswer = {
    status: 503,
    cause: 'NOT_STARTED',
    detail: `${service} was not started. Start the platform without --only, or name it there.`,
  };
  return { type: ABSENT, request: () => answer };
}

/** Tenant, subject and roles go on as the Context says them; what is left of the time, too. */
function identityHeaders({ clock, random }: ResolvedOptions): Filter {
  const written = new WeakMap<Identity, readonly (readonly [string, string])[]>();

  function headersOf(identity: Identity): readonly (readonly [string, string])[] {
    const caller = { service: GATEWAY, subject: identity.subject, roles: identity.roles };
    using ctx = createContext({ clock, random, tenant: identity.tenant, caller });
    const headers = Object.entries(contextToHeaders(ctx)).filter(([name]) => name.startsWith('x-fairlead-'));
    written.set(identity, headers);
    return headers;
  }

  return {
    type: HEADERS,
    request(passage: Passage) {
      const { identity, leftMs } = passage;
      if (identity !== undefined) {
        for (const [name, value] of written.get(identity) ?? headersOf(identity)) passage.setUpstream(name, value);
      }
      if (leftMs !== undefined) passage.setUpstream(TIMEOUT_FIELD, String(Math.floor(leftMs)));
      return undefined;
    },
  };
}

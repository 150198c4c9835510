// Whether a request may pass, by a service that is asked: ext-auth-spec.ts what may be written, auth-question.ts what the service is
// told, auth-decision.ts what its answer means.

import { createHash } from 'node:crypto';
import { isError } from '@fairlead/core';
import type { OutgoingFields } from '@fairlead/net';
import type { Filter, FilterFactory, FilterWorld, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { Recent } from '../basic-auth/recent.ts';
import { askedUrl, isNavigation } from '../navigation.ts';
import { authDecision, type AuthDecision } from './auth-decision.ts';
import { authQuestion } from './auth-question.ts';
import { extAuthSchema, resolveExtAuthSpec, type ExtAuthSpec, type ResolvedExtAuthSpec } from './ext-auth-spec.ts';

type Pass = Extract<AuthDecision, { kind: 'pass' }>;

interface Leave {
  readonly decision: Pass;
  /** Monotonic, in milliseconds. */
  readonly untilMs: number;
}

const MOST_CACHED = 10_000;
/** Only the head counts; what a service says besides is read so far, and no further. */
const MOST_BODY_BYTES = 64 * 1024;
const WARN_EVERY_MS = 10_000;

/** Leaves that hold for a while, and when it was last told that nobody decides: what outlives a change of the snapshot. */
class Remembered {
  readonly leaves: Recent<Leave>;
  warnedAtMs = -Infinity;

  constructor(most: number) {
    this.leaves = new Recent(most);
  }
}

class ExtAuthFilter implements Filter {
  readonly type = 'ext-auth';
  readonly #spec: ExtAuthSpec;
  readonly #resolved: ResolvedExtAuthSpec;
  readonly #world: FilterWorld;
  readonly #question: (passage: Passage) => OutgoingFields;
  readonly #remembered: Remembered;

  constructor(spec: ExtAuthSpec, world: FilterWorld) {
    this.#spec = spec;
    this.#resolved = resolveExtAuthSpec(spec);
    this.#world = world;
    this.#question = authQuestion(spec.request);
    const most = spec.cache?.maxEntries ?? MOST_CACHED;
    this.#remembered = world.kept(`ext-auth ${JSON.stringify(spec)}`, () => new Remembered(most));
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    // Whoever asks doesn't say what only the service may.
    for (const [name] of this.#resolved.upstream) passage.setUpstream(name, undefined);
    const key = this.#keyOf(passage);
    const leave = key === undefined ? undefined : this.#remembered.leaves.get(key);
    if (leave !== undefined && leave.untilMs > this.#world.clock.monotonic()) return pass(passage, leave.decision);
    return this.#ask(passage, key);
  }

  async #ask(passage: Passage, key: string | undefined): Promise<Verdict> {
    const { cluster, path, method = 'GET', host, identity, cache } = this.#spec;
    const { timeoutMs } = this.#resolved;
    let decision: AuthDecision;
    try {
      const answer = await this.#world.ask({
        cluster,
        method,
        target: path,
        ...(host === undefined ? {} : { host }),
        fields: this.#question(passage),
        timeoutMs,
        maxBodyBytes: MOST_BODY_BYTES,
        passage,
      });
      decision = authDecision(answer, this.#resolved, identity);
    } catch (error) {
      if (isError(error, 'CANCELLED')) throw error;
      return this.#undecided('AUTH_UNAVAILABLE', `${cluster}, which decides who may pass, does not answer.`, error);
    }
    if (decision.kind === 'none') {
      const detail = `What ${cluster} answers is no decision who may pass.`;
      return this.#undecided('AUTH_INVALID', detail, new Error(decision.because));
    }
    if (decision.kind === 'refuse') return this.#refuse(passage, decision);
    if (key !== undefined && cache !== undefined && !decision.isOnce) {
      this.#remembered.leaves.set(key, { decision, untilMs: this.#world.clock.monotonic() + cache.maxAge });
    }
    return pass(passage, decision);
  }

  #refuse(passage: Passage, { status, challenges, answer }: Extract<AuthDecision, { kind: 'refuse' }>): LocalAnswer {
    const { login } = this.#spec;
    const fields: Record<string, string[]> = {};
    for (const [name, value] of answer) (fields[name] ??= []).push(value);
    if (status === 403) {
      return { status, cause: 'FORBIDDEN', detail: 'Who asks may not have this.', fields };
    }
    if (login !== undefined && (login.for === 'all' || isNavigation(passage))) {
      const location = login.to.replaceAll('{url}', encodeURIComponent(askedUrl(passage)));
      const told = { ...fields, location, 'cache-control': 'no-store' };
      return { status: 302, cause: 'AUTH_REQUIRED', detail: 'Log in first.', fields: told, body: '' };
    }
    const asked = challenges.length === 0 ? {} : { 'www-authenticate': [...challenges] };
    return {
      status,
      cause: 'AUTH_REQUIRED',
      detail: 'Say who asks; this is not for everybody.',
      fields: { ...fields, ...asked },
    };
  }

  /** Nobody decides: closed, unless it was asked for to be open. */
  #undecided(cause: 'AUTH_UNAVAILABLE' | 'AUTH_INVALID', detail: string, because: unknown): Verdict {
    const { clock, telemetry, route } = this.#world;
    const { failOpen, failureStatus, unavailableStatus } = this.#resolved;
    if (!failOpen) {
      const status = isError(because, 'UPSTREAM_UNAVAILABLE') ? unavailableStatus : failureStatus;
      const isLater = status === 503;
      return { status, cause, detail, because, ...(isLater ? { retryAfterMs: 1_000 } : {}) };
    }
    if (clock.monotonic() - this.#remembered.warnedAtMs >= WARN_EVERY_MS) {
      this.#remembered.warnedAtMs = clock.monotonic();
      telemetry.log.warn(undefined, 'requests pass although nobody decides', { route, code: cause, error: because });
    }
    return undefined;
  }

  /** By what a leave is remembered; `undefined` when it is not, since the request shows nothing. */
  #keyOf(passage: Passage): string | undefined {
    const { cache } = this.#spec;
    if (cache === undefined) return undefined;
    const shown = cache.by.map((name) => passage.fields.get(name) ?? null);
    if (shown.every((value) => value === null)) return undefined;
    const { method, host, path, query, clientAddress, isTls } = passage;
    const about = cache.of === 'credentials' ? [] : [method, host, path, query, clientAddress, isTls];
    // What clients show is kept nowhere.
    return createHash('sha256')
      .update(JSON.stringify([shown, about]))
      .digest('base64');
  }
}

function pass(passage: Passage, { upstream, answer, identity }: Pass): undefined {
  for (const [name, value] of upstream) passage.setUpstream(name, value);
  for (const [name, value] of answer) passage.addAnswer(name, value);
  if (identity !== undefined) passage.identity = identity;
  return undefined;
}

const make: FilterFactory<ExtAuthSpec> = (spec, world) => new ExtAuthFilter(spec, world);

/** `ext-auth`: whether a request may pass, as nginx's `auth_request` asks it. */
export const extAuthKind: FilterKind<ExtAuthSpec> = {
  type: 'ext-auth',
  open: [
    'cluster',
    'path',
    'method',
    'host',
    'request.fields',
    'request.fields.*',
    'request.remove.*',
    'upstream.*',
    'answer.*',
    'identity.*',
    'login.to',
    'login.for',
    'timeout',
    'cache.by.*',
    'cache.of',
    'cache.maxAge',
  ],
  schema: extAuthSchema,
  identifies: true,
  owns: (spec) => resolveExtAuthSpec(spec).upstream.map(([name]) => name),
  clusters: ({ cluster }) => [{ cluster, path: ['cluster'] }],
  explain: ({ cluster, path, failOpen, cache }) =>
    `asks ${cluster} at ${path} whether it may pass${cache === undefined ? '' : `, at most every ${cache.maxAge / 1_000} s`}${failOpen === true ? ', and lets it through when nobody answers' : ''}`,
  make,
};

import type { Clock, Context, Random } from '@fairlead/core';
import type { Fields, OutgoingFields } from '@fairlead/net';
import type { LimitStore } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import type { CompiledRoute } from './compiled-route.ts';

/** Who asks, as a filter has proved it. */
export interface Identity {
  /** The application or key that asks. */
  readonly consumer?: string;
  /** The person or machine account behind it. */
  readonly subject?: string;
  readonly tenant?: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** What the proof said besides, unchecked beyond its signature. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a route is found by. */
export interface PassageFacts {
  /** As it was sent; methods are case-sensitive. */
  readonly method: string;
  /** As it was sent, without the query, and checked: nobody can read it as another path. */
  readonly path: string;
  /** Empty, or beginning with `?`. */
  readonly query: string;
  /** Lower-case, without port; empty when an HTTP/1.0 client does not say. */
  readonly host: string;
  /** As they came. */
  readonly fields: Fields;
  /** The client's address, as far as whoever stands before us is trusted to tell it. */
  readonly clientAddress: string;
  readonly isTls: boolean;
}

/** Where copies of requests go, and how many of them. */
export interface Mirror {
  /** One of the snapshot's clusters. */
  readonly cluster: string;
  /** How long a copy may take, in milliseconds; above 0. */
  readonly timeoutMs: number;
  /** Whether another copy may be sent now. */
  readonly hasRoom: boolean;
  /** A copy is on its way; then `ended` comes, once. */
  began(): void;
  ended(): void;
}

/** One request on its way through the proxy. Filters read and edit it; it must not be kept beyond `ended`. */
export interface Passage extends PassageFacts {
  /** When it began, in milliseconds of the clock's monotonic time. */
  readonly startedAtMs: number;
  readonly route: CompiledRoute;
  /** Set by the filters that prove it. */
  identity: Identity | undefined;
  /** Path and query that go on; begins as they came. */
  upstreamTarget: string;
  /** The chosen destination; one of the snapshot's clusters. */
  cluster: string;
  /** What requests that belong together have in common, for balancers that keep them together. */
  hashKey: string | undefined;
  /** What is left of the route's time, in milliseconds; `undefined` without a limit. */
  readonly leftMs: number | undefined;
  /** Deadline, trace, identity and cancellation of this request; made when somebody asks for it. */
  readonly ctx: Context;
  /**
   * Sets a field of the request that goes on, whatever came under that name; `undefined` leaves it out. Names are
   * lower-case.
   */
  setUpstream(name: string, value: string | undefined): void;
  /** Sets a field of the answer, whatever comes under that name; `undefined` leaves it out. Names are lower-case. */
  setAnswer(name: string, value: string | undefined): void;
  /** Has a copy sent when the request goes upstream, if its body is whole in memory by then. Nobody waits for it. */
  mirror(mirror: Mirror): void;
}

/** An answer of the proxy's own. */
export interface LocalAnswer {
  readonly status: number;
  /** Why, in a word that stays: it is the problem's `code`, in the access line and in metrics. */
  readonly cause: string;
  /** Why, for people. */
  readonly detail: string;
  /** Fields besides those that the body asks for. Default none. */
  readonly fields?: OutgoingFields;
  /** When to come back, in milliseconds; sent as `Retry-After` in whole seconds. Default: not said. */
  readonly retryAfterMs?: number;
  /** What the problem document says besides. Default nothing. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** What was thrown or came back underneath; for the span, never for the client. Default nothing. */
  readonly because?: unknown;
  /** Default: a problem document (RFC 9457) of the above. */
  readonly body?: string;
}

/** What a filter says of a request: nothing, and it goes on; or the answer that ends it. */
export type Verdict = LocalAnswer | undefined;

/** How a passage ended. */
export interface Outcome {
  /** What the client was told; 499 when it went away before. */
  readonly status: number;
  /** Why, when it was the proxy that ended it; `undefined` when an upstream's answer went through whole. */
  readonly cause: string | undefined;
  /** From the first byte to the end of the answer, in milliseconds. */
  readonly durationMs: number;
}

/** A station on a request's way. One object serves all requests of its route. */
export interface Filter {
  readonly type: string;
  /** Before the upstream is chosen. A promise only where something has to be waited for. */
  request?(passage: Passage): Verdict | Promise<Verdict>;
  /** When the answer's head is there, the proxy's own included; may edit it by `setAnswer`. Never waits. */
  answer?(passage: Passage, status: number): void;
  /** When it is all over, for whatever reason. Must not throw. */
  ended?(passage: Passage, outcome: Outcome): void;
  /** When no request will meet it any more. */
  close?(): void | Promise<void>;
}

/** What filters are made of. */
export interface FilterWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** The route's name. */
  readonly route: string;
  /** Where limits are counted together with other processes; `undefined` when there is no such place. */
  readonly limits: LimitStore | undefined;
  /**
   * State that outlives a change of the snapshot, such as a limiter's counts: the same object for the same key as long
   * as some snapshot asks for it. One with a method `close` is closed when none does any more.
   */
  kept<T>(key: string, make: () => T): T;
}

/** Makes a filter of its options, once for a route of a snapshot. */
export type FilterFactory<Spec> = (spec: Spec, world: FilterWorld) => Filter;

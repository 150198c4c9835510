import type { Clock, Context, Random } from '@fairlead/core';
import type { ClientProof, Fields, OutgoingFields } from '@fairlead/net';
import type { LimitStore } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import type { RedisCacheClient } from '../filters/cache/redis-cache-client.ts';
import type { CompiledRoute, FilterSpec } from './compiled-route.ts';

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
  /** What the client has shown of itself by its certificate; `undefined` without one, or where the listener asks for none. */
  readonly clientProof: ClientProof | undefined;
  /** Set by the filters that prove it. */
  identity: Identity | undefined;
  /** Path and query that go on; begins as they came. */
  upstreamTarget: string;
  /** The chosen destination; one of the snapshot's clusters. */
  cluster: string;
  /** What requests that belong together have in common, for balancers that keep them together. */
  hashKey: string | undefined;
  /** The host that goes upstream instead of the endpoint's own; `undefined` leaves that. */
  upstreamHost: string | undefined;
  /**
   * How long the attempt took whose answer's head is there, up to that head, in milliseconds; `undefined` when nobody behind has answered. The
   * first attempt of a request for which nothing had to be waited for is timed from the request's beginning.
   */
  readonly upstreamMs: number | undefined;
  /** What is left of the route's time, in milliseconds; `undefined` without a limit. */
  readonly leftMs: number | undefined;
  /** Deadline, trace, identity and cancellation of this request; made when somebody asks for it. */
  readonly ctx: Context;
  /**
   * Sets a field of the request that goes on, whatever came under that name; `undefined` leaves it out. Names are
   * lower-case.
   */
  setUpstream(name: string, value: string | undefined): void;
  /** Those fields that go on, as they came: without what belongs to a connection, and what from outside would be a claim. */
  readonly keptFields: Fields;
  /** What filters have set so far of the request that goes on, by lower-case name; an `undefined` value: left out. */
  readonly upstreamEdits: ReadonlyMap<string, string | undefined> | undefined;
  /** Sets a field of the answer, whatever comes under that name; `undefined` leaves it out. Names are lower-case. */
  setAnswer(name: string, value: string | undefined): void;
  /** Adds a line to the request that goes on, beside whatever comes under that name. Names are lower-case. */
  addUpstream(name: string, value: string): void;
  /** Adds a line to the answer, beside whatever comes under that name, `Vary` for example. Names are lower-case. */
  addAnswer(name: string, value: string): void;
  /**
   * The whole request body, read once and then sent on from memory; asked for again it is the same. Rejects with
   * `BODY_TOO_LARGE` beyond `maxBytes` or what the route takes, `BODY_TIMEOUT` or `BAD_REQUEST`: who throws that on has
   * answered right.
   */
  readBody(maxBytes: number): Promise<Buffer>;
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
  /** Whole lines of fields besides, latin1, each with its CRLF; they are believed. For answers that are given often. Default none. */
  readonly lines?: string;
  /** When to come back, in milliseconds; sent as `Retry-After` in whole seconds. Default: not said. */
  readonly retryAfterMs?: number;
  /** What the problem document says besides. Default nothing. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** What was thrown or came back underneath; for the span, never for the client. Default nothing. */
  readonly because?: unknown;
  /** Bytes go as they are, text as UTF-8. Default: a problem document (RFC 9457) of the above. */
  readonly body?: string | Buffer | AnswerSource;
}

/** A body of the proxy's own that is made as fast as the client takes it. */
export interface AnswerSource {
  /** How long it is; −1 when nobody knows. */
  readonly bytes: number;
  /** The client wants it. Not called where there is no body: to HEAD, with 204 and 304. Ends with the sink's `end` or `cut`, or `stop`. */
  start(sink: BodySink): void;
  /** There is room for more, after a part had none. */
  room(): void;
  /** Nobody wants it, or no more of it; called once, unless it has ended by itself. */
  stop(): void;
}

/** Who takes a body of an answer. */
export interface BodySink {
  /** A part, which is lent: whoever keeps it copies it. False: no more until there is room; `end` may come all the same. */
  part(part: Buffer): boolean;
  /** The body is whole. */
  end(trailers: Fields): void;
  /** The rest never comes; what the client has must not look whole. */
  cut(): void;
}

/**
 * What a body goes through on its way: it takes parts and gives others to the next. It hears of its end once, by `end` or `cut`:
 * also of one that the client's going away makes. What it does not give on in the end is lost.
 */
export interface BodyStage extends BodySink {
  /** Whether it goes on when its client has gone away, because others want the body: asked then. Default no. */
  readonly outlivesClient?: boolean;
  /** The next one has room again, after a part had none. */
  room(): void;
}

/** An answer's head as it would go on: an upstream's, or the proxy's own. */
export interface AnswerHead {
  readonly status: number;
  readonly fields: Fields;
  /** Of the body, or of the one that it would have (to HEAD, 304); `CHUNKED` when nobody knows. */
  readonly bodyBytes: number;
  /** Of an answer of the proxy's own; `undefined` of an upstream's. */
  readonly cause: string | undefined;
}

/** What a filter makes of an answer. */
export type Revision =
  | {
      /** Takes its place. The upstream's answer is abandoned, and with it a connection that is still busy with it. */
      readonly instead: LocalAnswer;
    }
  | {
      /**
       * What the body goes through. Not made where there is no body: 204, 304, to HEAD. Default: the body stays.
       * @param next who takes what comes of it
       * @param source whoever gives parts: told that there is room again, after `part` said that there was none
       */
      readonly stage?: (next: BodySink, source: { room(): void }) => BodyStage;
      /** How long the body is after the stage, if that is known. Default: unknown; without a stage, what it was. */
      readonly bodyBytes?: number;
      /** Fields of the answer that become others, by lower-case name; `undefined` leaves one out. Default none. */
      readonly fields?: AnswerFields;
    };

/** Fields that become others. Several values are a line each. */
export type AnswerFields = Readonly<Record<string, string | readonly string[] | undefined>>;

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

/** Who of those that are limited is told of. */
export interface NearAsk {
  /** Those who have used at least this share of a burst, from 0 to 1. */
  readonly share: number;
  /** At most so many of each rate, those that have used most. */
  readonly most: number;
}

/** A limit of many, as operators are told of it. */
export interface LimitReport {
  readonly name: string;
  /** What they are told apart by, for people, and as it was written. */
  readonly by: string;
  readonly who: string | object;
  /** Whether other processes count in the same place; then `near` is empty, as nobody here knows. */
  readonly isShared: boolean;
  /** Who is counted here at the moment, and at most. */
  readonly keys: number;
  readonly maxKeys: number;
  /** Requests of those who came when all places were taken, and who share one limit. */
  readonly overflowed: number;
  readonly admitted: number;
  readonly refused: number;
  readonly rates: readonly {
    /** Such as `100/s`. */
    readonly rate: string;
    readonly burst: number;
    /** The nearest first. */
    readonly near: readonly {
      /** As it is, or `sha256:` and 12 digits of its hash where it may be what only its owner knows. */
      readonly key: string;
      /** Share of the burst that is used, from 0 to 1. */
      readonly used: number;
      readonly available: number;
    }[];
  }[];
}

/** A station on a request's way. One object serves all requests of its route. */
export interface Filter {
  readonly type: string;
  /** Before the upstream is chosen. A promise only where something has to be waited for. */
  request?(passage: Passage): Verdict | Promise<Verdict>;
  /**
   * When an answer's head is there and its policy wants no other: an upstream's, the engine's own failure (502, 504 …), or an
   * answer of a filter after this one. In reverse order of filters, each seeing what those after it made of it. Not asked of
   * 1xx. Edits by `setAnswer` concern this client only; what `Revision.fields` says is seen by the filters before. Never waits.
   */
  revise?(passage: Passage, head: AnswerHead): Revision | undefined;
  /** When the answer's head is there and no longer revised, the proxy's own included; may edit it by `setAnswer`. Never waits. */
  answer?(passage: Passage, status: number): void;
  /** When it is all over, for whatever reason. Must not throw. */
  ended?(passage: Passage, outcome: Outcome): void;
  /** For operators: who is near the limit that it keeps. Filters that keep the same one tell the same. Default: it keeps none. */
  limit?(ask: NearAsk): LimitReport;
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
  /** Where limits are counted that are to be shared; `undefined` when there is no such place. */
  readonly limits: LimitStore | undefined;
  /** Where all others are counted; `undefined` when that is here, and this is all of the gateway. */
  readonly ownLimits: LimitStore | undefined;
  /** Where caches that are to be in Redis keep answers; `undefined` when there is none. */
  readonly sharedCache: RedisCacheClient | undefined;
  /**
   * State that outlives a change of the snapshot, such as a limiter's counts: the same object for the same key as long
   * as some snapshot asks for it. One with a method `close` is closed when none does any more.
   */
  kept<T>(key: string, make: () => T): T;
  /**
   * Sends a request of a filter's own to a cluster of the snapshot, under that cluster's policy, and takes the whole answer,
   * whatever its status.
   * @throws UPSTREAM_UNAVAILABLE, UPSTREAM_RESET, UPSTREAM_INVALID, UPSTREAM_TIMEOUT; what a policy rejects with; CANCELLED when
   * its passage is over
   */
  ask(request: SideRequest): Promise<SideAnswer>;
  /** Makes a filter that stands inside this one, which closes it. */
  make(spec: FilterSpec): Filter;
}

/** A request of a filter's own. */
export interface SideRequest {
  /** One of the snapshot's clusters: named by `FilterKind.clusters`, so that it is known to be there. */
  readonly cluster: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Default: the endpoint's own. */
  readonly host?: string;
  /** Besides `Host`, the trace and framing. Default none. */
  readonly fields?: OutgoingFields;
  /** Default none. */
  readonly body?: Buffer;
  /** For all attempts together, in milliseconds; above 0. */
  readonly timeoutMs: number;
  /** Largest body of the answer, in bytes; 0 takes none. */
  readonly maxBodyBytes: number;
  /** Whose request it serves: its trace goes on, and it ends with it. Default: nobody's; the trace begins here. */
  readonly passage?: Passage;
}

/** The answer to one. */
export interface SideAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/** Makes a filter of its options, once for a route of a snapshot. */
export type FilterFactory<Spec> = (spec: Spec, world: FilterWorld) => Filter;

import type { Context } from '@fairlead/core';
import { Fields, trailerLines, type ClientProof, type ServerRequest } from '@fairlead/net';
import type { LogOrigin } from '@fairlead/telemetry';
import { UNMATCHED_ROUTE, type CompiledRoute } from './compiled-route.ts';
import { OwnDeadline, type DeadlineLine, type Due } from './deadlines.ts';
import { checkEdit, checkHost, withEdits, withoutEdited, withoutLine, type Edits } from './edited-lines.ts';
import type { EngineCore } from './engine-core.ts';
import { bodyFailure, brokenUpload, tooLarge } from './failures.ts';
import type { Identity, LocalAnswer, Mirror, Passage } from './filter.ts';
import { grpcTimeout, grpcTimeoutMs } from './grpc.ts';
import { isIdempotent } from './idempotent.ts';
import type { LiveListener } from './live-listener.ts';
import type { LiveRoute } from './live-route.ts';
import type { LiveSnapshot } from './live-snapshot.ts';
import type { Rubric } from './outcome-report.ts';
import type { Told } from './told-answer.ts';
import { TraceSpot } from './trace-spot.ts';

/** A request as filters see it, with its route and the time that it has. What becomes of it is `Exchange`'s, of which this is a part. */
export abstract class RequestPassage implements Passage, Due {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly clientAddress: string;
  readonly isTls: boolean;
  readonly startedAtMs: number;
  route: CompiledRoute = UNMATCHED_ROUTE;
  identity: Identity | undefined;
  upstreamTarget: string;
  cluster = '';
  hashKey: string | undefined;
  /** Lines that filters add, whole. */
  upstreamAdds = '';
  dueAtMs = 0;
  dueBefore: Due | undefined;
  dueAfter: Due | undefined;
  dueIn: DeadlineLine | undefined;

  readonly core: EngineCore;
  readonly listener: LiveListener;
  readonly request: ServerRequest;
  readonly snapshot: LiveSnapshot;
  live: LiveRoute | undefined;
  /** So many of the route's filters have a say in the answer: those that were met. */
  met = 0;
  /** Where copies are still to go. */
  mirrors: Mirror[] | undefined;
  /** The request's body, when it is here as a whole: so it can be sent again. */
  body: Buffer | undefined;
  /** Why it could not be read, when a filter has asked for it. */
  protected bodyFault: unknown;
  protected readonly trace: TraceSpot;
  upstreamEdits: Edits | undefined;
  protected answerEdits: Edits | undefined;
  protected answerAdds = '';
  #upstreamHost: string | undefined;
  #bodyRead: Promise<Buffer> | undefined;
  #rubric: Rubric | undefined;

  constructor(core: EngineCore, listener: LiveListener, request: ServerRequest) {
    const { head, peer } = request;
    const { target } = head;
    const question = target.indexOf('?');
    this.core = core;
    this.listener = listener;
    this.request = request;
    this.snapshot = core.snapshot;
    this.method = head.method;
    this.path = question === -1 ? target : target.slice(0, question);
    this.query = question === -1 ? '' : target.slice(question);
    this.host = core.hostName(head.host);
    this.clientAddress = listener.trustsNobody ? peer.address : listener.clientOf(peer.address, head.fields);
    this.isTls = peer.isTls;
    this.upstreamTarget = target;
    this.startedAtMs = core.clock.monotonic();
    this.trace = new TraceSpot(core, head, this.startedAtMs);
  }

  abstract overdue(line: DeadlineLine): void;
  abstract get upstreamMs(): number | undefined;

  get fields(): Fields {
    return this.request.head.fields;
  }

  get clientProof(): ClientProof | undefined {
    return this.request.peer.proof;
  }

  get keptFields(): Fields {
    return new Fields(this.request.head.kept);
  }

  get ctx(): Context {
    return this.trace.context(this);
  }

  /** What lines about it say of its trace. */
  get origin(): LogOrigin {
    return this.trace.origin(this);
  }

  get leftMs(): number | undefined {
    return this.dueIn === undefined ? undefined : Math.max(0, this.dueAtMs - this.core.clock.monotonic());
  }

  get rubric(): Rubric {
    return (this.#rubric ??= this.live?.rubric(this.method) ?? this.core.report.unmatched(this.method));
  }

  /** Whether sending it twice does the same as sending it once, and is possible. */
  get isRepeatable(): boolean {
    return isIdempotent(this.method) && (this.request.head.bodyBytes === 0 || this.body !== undefined);
  }

  get upstreamHost(): string | undefined {
    return this.#upstreamHost;
  }

  set upstreamHost(host: string | undefined) {
    if (host !== undefined) checkHost(host);
    this.#upstreamHost = host;
  }

  setUpstream(name: string, value: string | undefined): void {
    checkEdit(name, value);
    if (this.upstreamAdds !== '') this.upstreamAdds = withoutLine(this.upstreamAdds, name);
    (this.upstreamEdits ??= new Map()).set(name, value);
  }

  setAnswer(name: string, value: string | undefined): void {
    checkEdit(name, value);
    if (this.answerAdds !== '') this.answerAdds = withoutLine(this.answerAdds, name);
    (this.answerEdits ??= new Map()).set(name, value);
  }

  addUpstream(name: string, value: string): void {
    checkEdit(name, value);
    this.upstreamAdds += `${name}: ${value}\r\n`;
  }

  addAnswer(name: string, value: string): void {
    checkEdit(name, value);
    this.answerAdds += `${name}: ${value}\r\n`;
  }

  async readBody(maxBytes: number): Promise<Buffer> {
    const mostBytes = Math.min(maxBytes, this.route.maxBodyBytes);
    if (this.body === undefined && this.request.head.bodyBytes > mostBytes) throw tooLarge(mostBytes);
    const body = this.body ?? (await (this.#bodyRead ??= this.#takeBody(mostBytes)));
    if (body.length > mostBytes) throw tooLarge(mostBytes);
    return body;
  }

  mirror(mirror: Mirror): void {
    (this.mirrors ??= []).push(mirror);
  }

  /** Those of the request's trailers that go on, as whole lines. */
  requestTrailers(trailers: Fields): string {
    return trailerLines(trailers, this.core.requestSieve, this.upstreamEdits);
  }

  /**
   * Something goes on, or has come from the upstream: where a route's time is for its silence, that begins anew.
   * @returns the time, monotonic in milliseconds
   */
  heard(): number {
    const nowMs = this.core.clock.monotonic();
    const line = this.live?.silence;
    if (line === undefined || this.dueIn instanceof OwnDeadline) return nowMs;
    this.dueIn?.leave(this);
    line.join(this, nowMs);
    return nowMs;
  }

  /** The upstream is not waited for: the client has to take what is there. */
  protected hearsNothing(): void {
    if (this.live?.silence !== undefined && !(this.dueIn instanceof OwnDeadline)) this.dueIn?.leave(this);
  }

  /** It takes this route, and has its time from the beginning on. */
  enter(live: LiveRoute): void {
    if (live === this.live) return;
    this.live = live;
    this.route = live.route;
    this.cluster = live.cluster(this.core.random);
    this.dueIn?.leave(this);
    const { clock } = this.core;
    // Who calls by gRPC takes trailers; others aren't asked.
    const ownMs = this.request.head.takesTrailers ? grpcTimeoutMs(this.fields) : undefined;
    if (ownMs !== undefined && (live.deadline === undefined || ownMs < live.route.timeoutMs))
      new OwnDeadline(clock, ownMs).join(this, this.startedAtMs);
    else live.deadline?.join(this, this.startedAtMs);
  }

  async #takeBody(mostBytes: number): Promise<Buffer> {
    try {
      this.body = await this.request.body(mostBytes);
      return this.body;
    } catch (fault) {
      this.bodyFault = fault;
      throw bodyFailure(fault, mostBytes);
    }
  }

  /** Keeps the body, if it has arrived; what can't be taken is refused. */
  protected takeBody(): LocalAnswer | undefined {
    const { bodyBytes } = this.request.head;
    if (bodyBytes === 0 || this.body !== undefined) return undefined;
    const { maxBodyBytes } = this.route;
    if (this.bodyFault !== undefined) return brokenUpload(this.bodyFault, maxBodyBytes);
    if (bodyBytes > maxBodyBytes || maxBodyBytes === 0) return brokenUpload(undefined, maxBodyBytes);
    this.body = this.request.arrived(maxBodyBytes);
    return undefined;
  }

  /** What goes upstream edited; of a time that the client has set, what is left. */
  protected get lastEdits(): Edits | undefined {
    if (this.dueIn instanceof OwnDeadline) this.setUpstream('grpc-timeout', grpcTimeout(this.leftMs ?? 0));
    return this.upstreamEdits;
  }

  /** An attempt has its answer's head. */
  protected attempted(status: number, latencyMs: number): void {
    const failure = status >= 500 ? String(status) : undefined;
    this.core.report.attempted(this.rubric, this.cluster, failure ?? 'ok', latencyMs);
    this.trace.attempted(status, failure);
  }

  /** The lines of an upstream's answer, with what filters say and what lets it be looked up. */
  protected upstreamAnswerLines({ kept }: Told): string {
    const own = this.trace.answerLines;
    const { answerEdits: edits, answerAdds: adds } = this;
    if (edits === undefined) return kept + own + adds;
    return withEdits(kept, edits) + withoutEdited(own, edits) + adds;
  }

  /** The same of an answer that is the proxy's own, or that a filter has changed. */
  protected ownAnswerLines({ kept }: Told): string {
    const lines = kept + this.trace.answerLines;
    const { answerEdits: edits, answerAdds: adds } = this;
    return (edits === undefined ? lines : withEdits(lines, edits)) + adds;
  }
}

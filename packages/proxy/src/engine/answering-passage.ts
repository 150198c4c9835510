import { trailerLines, type Fields, type ResponseHead, type ServerRequest } from '@fairlead/net';
import { AnswerFlow, type FlowEnds } from './answer-flow.ts';
import { BytesSource } from './bytes-source.ts';
import type { EngineCore } from './engine-core.ts';
import { bugAnswer } from './failures.ts';
import type { AnswerSource, LocalAnswer } from './filter.ts';
import { grpcAnswer, isGrpc } from './grpc.ts';
import type { LiveListener } from './live-listener.ts';
import { localLines } from './problem-answer.ts';
import { RequestPassage } from './request-passage.ts';
import { ownAnswer, ToldAnswer, upstreamAnswer, type Told } from './told-answer.ts';
import { offersWebSocket } from './upstream-head.ts';

/** An answer of at most this many bytes that comes at once goes out as one text. */
export const TEXT_AT_MOST_BYTES = 16 * 1024;

/**
 * The answering half of a request: what its client is told, of an upstream's answer or of one of the proxy's own, and how that gets there.
 * Attempts and ends are `Exchange`'s, of which this is a part. An upstream's answer that no filter revises goes straight through.
 */
export abstract class AnsweringPassage extends RequestPassage implements FlowEnds {
  /** Whether the client offers another protocol, which an upstream may take up. */
  readonly offersUpgrade: boolean;
  isOver = false;
  /** Its client has gone, and others want its answer's body. */
  protected isAlone = false;
  /** What the client is told, once that is decided: from then on there is no other answer. */
  protected told: Told | undefined;
  #lines = '';
  #hasBegun = false;
  /** The body, while it may still be all of it. */
  #text: string | undefined;
  /** There when the body goes through stages, or is the proxy's own and has to be waited for. */
  #flow: AnswerFlow | undefined;
  #source: AnswerSource | undefined;

  constructor(core: EngineCore, listener: LiveListener, request: ServerRequest) {
    super(core, listener, request);
    this.offersUpgrade = offersWebSocket(request.head);
  }

  /** The client has the whole answer. */
  protected abstract answered(): void;
  /** The rest of the answer never comes. */
  abstract broken(cause: string, error: unknown): void;
  /** It can't be mended. */
  abstract failed(error: unknown): void;
  /** The upstream may send more. */
  protected abstract resumeUpstream(): void;

  /** Whether it has its answer, or is over without. */
  get isSettled(): boolean {
    return this.isOver || this.told !== undefined;
  }

  /** The answer of the proxy's own that is told. */
  protected get toldOwn(): LocalAnswer | undefined {
    return this.told instanceof ToldAnswer ? this.told.own : undefined;
  }

  /** Decides for an upstream's answer, and gives what is told instead of it, if filters want that: for `send`. */
  protected tell(head: ResponseHead): ToldAnswer | undefined {
    const isRevising = this.live?.isRevising === true;
    return this.#decide(isRevising ? this.#revised(upstreamAnswer(head, this.method)) : head);
  }

  /** Decides for an answer of the proxy's own, and sends what it has become. */
  protected tellOwn(answer: LocalAnswer): void {
    const own = ownAnswer(answer, this.path, this.trace.traceId);
    const decided = this.#decide(this.live?.isRevising === true ? this.#revised(own) : own);
    if (decided !== undefined) this.send(decided);
  }

  /** Sends what was decided, which is an answer of the proxy's own. */
  protected send(answer: ToldAnswer): void {
    const { status, body, bodyBytes } = answer;
    if (!this.#hasBody(status)) {
      answer.forgo();
      this.request.answerText(status, this.#lines, '', bodyBytes);
      return this.answered();
    }
    if (this.#flow === undefined && typeof body !== 'object') {
      this.request.answerText(status, this.#lines, body, bodyBytes);
      return this.answered();
    }
    if (this.#flow === undefined && Buffer.isBuffer(body) && bodyBytes <= TEXT_AT_MOST_BYTES) {
      this.request.answerText(status, this.#lines, body.toString('latin1'), bodyBytes);
      return this.answered();
    }
    this.#flow ??= new AnswerFlow([], bodyBytes, this);
    this.#source = sourceOf(body);
    this.#source.start(this.#flow);
    // What isn't there at once may be long in coming.
    if (!this.isOver && this.#text === undefined) this.beginAnswer();
  }

  /** An upstream's answer has its head alone: its body may be long in coming. */
  protected beginAnswer(): void {
    const { told } = this;
    if (told === undefined || this.#hasBegun) return;
    this.#hasBegun = true;
    this.request.beginAnswer(told.status, this.#lines, told.bodyBytes);
  }

  /** A part of an upstream's answer; false when there is no room for more. */
  protected pass(part: Buffer): boolean {
    if (this.live?.silence !== undefined) this.heard();
    const hasRoom = this.#flow === undefined ? this.deliver(part) : this.#flow.part(part);
    if (!hasRoom) this.hearsNothing();
    return hasRoom;
  }

  /** An upstream's answer is whole. */
  protected passedAll(trailers: Fields): void {
    if (this.#flow === undefined) this.delivered(trailers);
    else this.#flow.end(trailers);
  }

  deliver(part: Buffer): boolean {
    if (!this.#hasBegun) {
      if (part.length === this.told?.bodyBytes && part.length <= TEXT_AT_MOST_BYTES) {
        this.#text = part.toString('latin1');
        return true;
      }
      this.beginAnswer();
    }
    return this.request.part(part);
  }

  delivered(trailers: Fields): void {
    const { told } = this;
    if (told === undefined) return;
    const after = trailers.list.length === 0 ? '' : trailerLines(trailers, this.core.answerSieve, this.answerEdits);
    // What came in one piece has a length, and such a body no trailers.
    if (after !== '' && this.#text === undefined) this.beginAnswer();
    if (this.#hasBegun) this.request.endAnswer(after);
    else this.request.answerText(told.status, this.#lines, this.#text ?? '', told.statedBytes);
    this.answered();
  }

  sourceRoom(): void {
    if (this.#source === undefined) this.resumeUpstream();
    else this.#source.room();
  }

  clientReady(): void {
    if (this.live?.silence !== undefined) this.heard();
    if (this.#flow === undefined) this.sourceRoom();
    else this.#flow.room();
  }

  /** Whether others want the answer's body, though its client has gone; then it goes on, as fast as it can. */
  protected goesOnAlone(): boolean {
    this.isAlone = this.#source === undefined && this.#flow?.outlivesClient === true;
    // A client that is gone takes everything.
    if (this.isAlone) this.clientReady();
    return this.isAlone;
  }

  /** Whether the answer went straight through, in one piece. */
  protected get cameAtOnce(): boolean {
    return !this.#hasBegun && this.#flow === undefined;
  }

  /** Both sides are to speak another protocol: what is said of that, unless a filter has thrown. */
  protected switchLines(head: ResponseHead): string | undefined {
    try {
      this.live?.answered(this, head.status);
      this.told = head;
      return this.upstreamAnswerLines(head);
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /** Whoever still makes something of the answer need not. */
  protected stopAnswer(): void {
    const flow = this.#flow;
    if (flow === undefined) return;
    const isLeft = this.#source !== undefined && !flow.hasEnded;
    flow.stop();
    if (isLeft) this.#source?.stop();
    this.#source = undefined;
  }

  /** What filters make of an answer: those that were met before whoever gave it, backwards. */
  #revised(first: ToldAnswer): ToldAnswer {
    const filters = this.live?.filters ?? [];
    let answer = first;
    try {
      for (let at = Math.min(this.met, filters.length) - 1; at >= 0; at -= 1) {
        const revision = filters[at]?.revise?.(this, answer);
        if (revision === undefined) continue;
        if ('instead' in revision) {
          answer.forgo();
          answer = ownAnswer(revision.instead, this.path, this.trace.traceId);
        } else answer = answer.revised(revision.fields, revision.stage, revision.bodyBytes);
      }
      return answer;
    } catch (error) {
      answer.forgo();
      return this.#botched(error);
    }
  }

  /** It is told this, or what has to be told because that is impossible. Gives what is the proxy's own. */
  #decide(answer: Told): ToldAnswer | undefined {
    try {
      this.live?.answered(this, answer.status);
      if (!(answer instanceof ToldAnswer)) {
        this.#lines = this.upstreamAnswerLines(answer);
        this.told = answer;
        return undefined;
      }
      const said = this.#translated(answer);
      this.#lines = this.ownAnswerLines(said);
      this.told = said;
      if (said.stages.length > 0 && this.#hasBody(said.status)) {
        this.#flow = new AnswerFlow(said.stages, said.bodyBytes, this);
      }
      return said.own === undefined ? undefined : said;
    } catch (error) {
      if (answer instanceof ToldAnswer) answer.forgo();
      const instead = this.#translated(this.#botched(error));
      this.#lines = instead.kept + this.trace.answerLines;
      this.told = instead;
      return instead;
    }
  }

  /** A filter has thrown: nobody else is asked about what says so. */
  #botched(error: unknown): ToldAnswer {
    return ownAnswer(bugAnswer(error), this.path, this.trace.traceId);
  }

  /** An answer of the proxy's own, in words that the client understands. */
  #translated(answer: ToldAnswer): ToldAnswer {
    const { own } = answer;
    if (own === undefined || !isGrpc(this.fields)) return answer;
    answer.forgo();
    const said = grpcAnswer(own);
    return new ToldAnswer({ status: said.status, kept: localLines(said), bodyBytes: 0, own, body: '', stages: [] });
  }

  #hasBody(status: number): boolean {
    return this.method !== 'HEAD' && status !== 204 && status !== 304;
  }
}

function sourceOf(body: string | Buffer | AnswerSource): AnswerSource {
  if (typeof body === 'string') return new BytesSource(Buffer.from(body, 'latin1'));
  return Buffer.isBuffer(body) ? new BytesSource(body) : body;
}

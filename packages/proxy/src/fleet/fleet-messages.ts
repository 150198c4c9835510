// What the processes of one gateway say to each other, by IPC. Both ends are of the same version, since the one starts the other.
import type { ErrorKind } from '@fairlead/core';
import type { QuestionName } from '../admin/gateway-question.ts';
import type { LimitAsk, LimitTold } from './limit-ledger.ts';

/** A failure, as far as it can be told to another process. */
export interface ToldFailure {
  readonly errorKind: ErrorKind;
  readonly code: string;
  readonly message: string;
}

/** What a member is to run. */
export interface MemberConfiguration {
  /** Path of the configuration, which certificates and other files are beside. */
  readonly file: string;
  /** What it is called. */
  readonly origin: string;
  /** What it holds: all members run the same, whatever becomes of the file. */
  readonly text: string;
  /** Of the first listener, instead of its own. */
  readonly port: number | undefined;
  /** URL of a Redis that it shares with gateways of other machines. */
  readonly redis: string | undefined;
}

/** From the first process to a member. */
export type ToMember =
  | {
      readonly kind: 'run';
      readonly configuration: MemberConfiguration;
      readonly logFormat: 'pretty' | 'json';
      readonly graceMs: number;
    }
  /** Reads another text, and answers with its hash; it is at work when it is taken. */
  | { readonly kind: 'load'; readonly id: number; readonly text: string }
  | { readonly kind: 'take'; readonly id: number }
  /** Goes back to what was at work before the last `take`. */
  | { readonly kind: 'back'; readonly id: number }
  | { readonly kind: 'ask'; readonly id: number; readonly name: QuestionName; readonly question: object }
  | { readonly kind: 'verdicts'; readonly verdicts: readonly LimitTold[] };

/** From a member. `WorkerReady` comes besides, when it listens. */
export type FromMember =
  /** It asks for what it is to run. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly urls: Readonly<Record<string, string>>; readonly hash: string }
  /** It could not begin. */
  | ({ readonly kind: 'failed' } & ToldFailure)
  /** `value`: the hash of what is read or at work, or an answer. */
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | ({ readonly kind: 'refused'; readonly id: number } & ToldFailure)
  /** Its metrics at its end. */
  | { readonly kind: 'counted'; readonly metrics: string }
  | { readonly kind: 'limits'; readonly asks: readonly LimitAsk[] };

/** Whether a message is one of a member's. */
export function isFromMember(message: unknown): message is FromMember {
  return typeof message === 'object' && message !== null && 'kind' in message && typeof message.kind === 'string';
}

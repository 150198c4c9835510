import type { Contract } from '@fairlead/contract';
import type { LoggedEvent, PayloadSeal, StoreTelemetry } from '@fairlead/store';
import type { Rejection } from './decider-types.ts';

/** What must be true of the stream for a command to be decided: that it is empty, is not, or is at exactly this version. */
export type ExpectedStream = 'none' | 'exists' | number;

/** How a command is handled. */
export interface HandleOptions {
  /** What whoever gives the command takes the stream to be. Default: whatever it is. */
  readonly expect?: ExpectedStream | undefined;
  /**
   * What the service promises. Decided events whose type it has are validated by it and published; all others are private.
   * Default: all are private.
   */
  readonly contract?: Contract | undefined;
  /**
   * Seals the events of the stream by the keys of their tenant. Such streams have no snapshots, and nothing of them can be
   * published. Default: events lie in the clear.
   */
  readonly seal?: PayloadSeal | undefined;
  /**
   * How often a command that somebody else was faster than is tried again from the start, with full jitter from 5 ms up to 250 ms,
   * before it is tried while nobody else may append to the stream, which can't fail for that. Default 3; 0 goes there at once. In a
   * transaction of the caller's only the latter is possible.
   */
  readonly retries?: number;
  /** Where it is told that a snapshot can't be kept, and what is counted. Default: nowhere. */
  readonly telemetry?: Pick<StoreTelemetry, 'log' | 'metrics'> | undefined;
}

/** What came of a command that was decided: the state after it. */
export interface Decided<State> {
  readonly kind: 'decided';
  readonly state: State;
  /** Version of the stream. */
  readonly version: number;
  /** Position of the stream's last event, for who waits until a view has it; 0n when there is none. */
  readonly position: bigint;
  /** What was appended; empty when nothing happened. */
  readonly events: readonly LoggedEvent[];
}

/** What came of a command that was rejected: nothing was appended. */
export interface RejectedCommand<Reason, State> extends Rejection<Reason> {
  readonly state: State;
  readonly version: number;
}

/** The stream is not what was expected; nothing was decided. */
export interface StreamConflict {
  readonly kind: 'conflict';
  /** Version of the stream. */
  readonly actual: number;
}

/** What came of a command. */
export type Handled<State, Reason> =
  | Decided<State>
  | ([Reason] extends [never] ? never : RejectedCommand<Reason, State>);

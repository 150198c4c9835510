import type { SagaRecord } from './journal.ts';
import type { SagaFailure, SagaHistory, SagaStatus, SagaSummary } from './saga-types.ts';

/** What a run shows to others. */
export interface Exposed {
  state: unknown;
  attributes: Record<string, string> | undefined;
  /** Since it was written last. */
  changed: boolean;
}

/** A step that fails at present. */
export interface Failing {
  readonly attempts: number;
  readonly postponed: number;
  readonly failure: SagaFailure;
  /** In milliseconds since the epoch by `fairlead.now()`. */
  readonly nextAt: number;
}

/** What of the starting Context goes on. */
export interface RunOrigin {
  readonly traceparent: string;
  readonly correlationId: string;
  readonly criticality: 'critical' | 'default' | 'sheddable';
  readonly baggage?: Readonly<Record<string, string>>;
}

/** Who waits for the end of a child. */
export interface ParentRun {
  readonly saga: string;
  readonly id: string;
  /** Name of the signal that tells it. */
  readonly signal: string;
}

/**
 * A run, as its document has it. Written by its owner under the version that it has read, which is what keeps zombies out;
 * by others only when it has no owner.
 */
export interface RunBody {
  readonly saga: string;
  readonly id: string;
  readonly status: SagaStatus;
  /** The life of a process that has it; `null` while nobody has. */
  readonly owner: string | null;
  /** Grows with each write of its owner, to know one's own again. */
  readonly writes: number;
  /** Owners that have ended with it since it was recorded or left last. */
  readonly takeovers: number;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly seed: string;
  /** SHA-256 of the input, to compare it with that of a second start. */
  readonly inputHash: string;
  readonly input: unknown;
  readonly origin: RunOrigin;
  readonly parent?: ParentRun;
  /** How long it is told about after its end. */
  readonly retentionMs: number;
  /** Keys of documents with the older part of the journal, and how many records those have. */
  readonly segments: readonly string[];
  readonly segmented: number;
  /** The rest of it. */
  readonly journal: readonly SagaRecord[];
  readonly failing?: Readonly<Record<string, Failing>>;
  readonly state?: unknown;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Until when it waits at the latest. */
  readonly wakesAt?: number | undefined;
  readonly result?: unknown;
  readonly failure?: SagaFailure | undefined;
  /** Of the code that parked it. */
  readonly version?: string;
  readonly note?: string;
}

const ENDS: ReadonlySet<SagaStatus> = new Set(['completed', 'compensated', 'resolved']);

/** Whether nothing changes any more. */
export function hasEnded(status: SagaStatus): boolean {
  return ENDS.has(status);
}

/** Whether it waits for a person. */
export function isHeldUp(status: SagaStatus): boolean {
  return status === 'parked' || status === 'needs-attention';
}

/** A run, for people. */
export function summaryOf(body: RunBody, tenant: string | undefined): SagaSummary {
  return {
    saga: body.saga,
    id: body.id,
    tenant,
    status: body.status,
    startedAt: body.startedAt,
    updatedAt: body.updatedAt,
    wakesAt: body.wakesAt,
    steps: body.segmented + body.journal.length,
    attributes: body.attributes ?? {},
    failure: body.failure,
  };
}

/** Everything of a run, for people. */
export function historyOf(
  body: RunBody,
  tenant: string | undefined,
  journal: readonly SagaRecord[],
  signals: SagaHistory['signals'],
): SagaHistory {
  return {
    ...summaryOf(body, tenant),
    input: body.input,
    version: body.version,
    seed: body.seed,
    journal,
    failing: Object.entries(body.failing ?? {}).map(([step, { attempts, failure, nextAt }]) => ({
      step,
      attempts,
      failure,
      nextAt,
    })),
    signals,
    state: body.state,
    result: body.result,
  };
}

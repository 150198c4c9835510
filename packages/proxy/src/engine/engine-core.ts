import type { Clock, Random, Slots } from '@fairlead/core';
import type { FieldSieve } from '@fairlead/net';
import type { Telemetry } from '@fairlead/telemetry';
import type { LocalAnswer, PassageFacts } from './filter.ts';
import type { LiveSnapshot } from './live-snapshot.ts';
import type { OutcomeReport } from './outcome-report.ts';
import type { TraceIds } from './trace-ids.ts';

/** A request that can be ended before its time. */
export interface CutShort {
  cutShort(): void;
}

/** What all requests of an engine share. */
export interface EngineCore {
  /** Whom upstreams see as their caller. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly report: OutcomeReport;
  readonly ids: TraceIds;
  readonly requestSieve: FieldSieve;
  readonly answerSieve: FieldSieve;
  /** Whether fields beyond ASCII are refused. */
  readonly isAsciiOnly: boolean;
  /** How long a request that has reached nobody waits for a cluster to come back, in milliseconds. */
  readonly connectPatienceMs: number;
  /** How long a connection that speaks another protocol may be silent, in milliseconds. 0 means for ever. */
  readonly tunnelIdleMs: number;
  /** Requests that are not over. */
  readonly underWay: Slots<CutShort>;
  /** The one that new requests begin with. */
  snapshot: LiveSnapshot;
  isDraining: boolean;
  /** Told when the last request is over while it drains. */
  onDrained: () => void;
  /** Answers what no route is asked about: health, or requests that are refused whatever they ask for. */
  readonly refusal: ((facts: PassageFacts) => LocalAnswer | undefined) | undefined;
  /** A host of a request, lower-case and without its port. */
  hostName(host: string): string;
  /** How long to wait before attempt `count` + 1, in milliseconds. */
  pauseMs(count: number): number;
}

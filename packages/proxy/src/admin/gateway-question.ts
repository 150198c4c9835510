import type { ClusterReport } from '@fairlead/net';
import type { PolicyState } from '@fairlead/policy';
import type { ClusterIncident } from '../engine/cluster-watch.ts';
import type { ConsumersReport } from '../engine/consumer-table.ts';
import type { LimitReport, NearAsk } from '../engine/filter.ts';
import type { ListenerReport, RouteReport } from '../engine/inspection.ts';
import type { Explanation } from '../explain/explain-request.ts';
import type { RequestToExplain } from '../explain/explained-request.ts';
import type { SnapshotDescription } from '../explain/describe-snapshot.ts';
import type { Swap } from './swap-history.ts';
import type { ShownConfig } from './shown-config.ts';

/** What is at work in a process. */
export interface ProcessStatus {
  readonly hash: string;
  readonly origin: string;
  /** On the wall clock, in milliseconds since the epoch. */
  readonly loadedAtMs: number;
  readonly startedAtMs: number;
  readonly isDraining: boolean;
  /** Under way. */
  readonly requests: number;
  readonly connections: number;
}

/** A configuration as it was written, without what may be secret. */
export interface ProcessConfig extends ShownConfig {
  readonly importedFrom: string | undefined;
}

/** A cache and some of what it holds. */
export interface CacheTold {
  readonly zone: string;
  readonly store: string;
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly listed: readonly {
    readonly url: string;
    readonly partition: string;
    readonly status: number;
    readonly bytes: number;
    readonly ageS: number;
    readonly ttlS: number;
    readonly tags: readonly string[];
    readonly vary: readonly string[];
  }[];
}

/** Which stored answers are forgotten. */
export type Purge =
  | { readonly kind: 'all' }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'url'; readonly url: string };

/** What a process can be asked, and be told to change: by name, the question and its answer. All of it is data that JSON can carry. */
export interface GatewayQuestions {
  status: { readonly ask: object; readonly answer: ProcessStatus };
  config: { readonly ask: object; readonly answer: ProcessConfig };
  snapshot: { readonly ask: object; readonly answer: SnapshotDescription };
  history: { readonly ask: object; readonly answer: readonly Swap[] };
  listeners: { readonly ask: object; readonly answer: readonly ListenerReport[] };
  routes: { readonly ask: object; readonly answer: readonly RouteReport[] };
  consumers: { readonly ask: { readonly most: number }; readonly answer: ConsumersReport };
  limits: { readonly ask: NearAsk; readonly answer: readonly LimitReport[] };
  clusters: {
    readonly ask: object;
    readonly answer: { readonly clusters: readonly ClusterReport[]; readonly incidents: readonly ClusterIncident[] };
  };
  policies: { readonly ask: object; readonly answer: readonly PolicyState[] };
  explain: { readonly ask: { readonly request: RequestToExplain }; readonly answer: Explanation };
  cache: {
    readonly ask: { readonly zone: string | undefined; readonly most: number };
    readonly answer: readonly CacheTold[];
  };
  metrics: { readonly ask: object; readonly answer: string };
  purge: { readonly ask: { readonly purge: Purge; readonly zone: string | undefined }; readonly answer: ChangeTold };
  eject: {
    readonly ask: {
      readonly cluster: string;
      readonly address: string;
      readonly forMs: number;
      readonly force: boolean;
    };
    readonly answer: ChangeTold;
  };
  restore: { readonly ask: { readonly cluster: string; readonly address: string }; readonly answer: ChangeTold };
  reload: { readonly ask: object; readonly answer: Swap };
}

/** What a process made of a change. */
export interface ChangeTold {
  /** `done`, or why not in a word: `unknown-cluster`, `unknown`, `last`, `not-ejected`, `no-cache`. */
  readonly outcome: string;
  /** How many it concerned. */
  readonly count?: number;
}

/** The name of a question. */
export type QuestionName = keyof GatewayQuestions;

/** A question of a name, and its answer. */
export type Ask<Name extends QuestionName> = GatewayQuestions[Name]['ask'];
export type Answer<Name extends QuestionName> = GatewayQuestions[Name]['answer'];

/** What one process has said. */
export type Told<Value> =
  | { readonly kind: 'told'; readonly pid: number; readonly answer: Value }
  | { readonly kind: 'silent'; readonly pid: number; readonly why: string };

/** The processes of a gateway, to be asked together. */
export interface GatewayProcesses {
  /**
   * Asks all of them. One that doesn't answer is told of as silent.
   * @throws what a process has refused for a reason that concerns all, such as BAD_REQUEST
   */
  ask<Name extends QuestionName>(name: Name, question: Ask<Name>): Promise<readonly Told<Answer<Name>>[]>;
}

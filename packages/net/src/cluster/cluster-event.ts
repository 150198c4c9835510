import type { EjectionCause } from './cluster-report.ts';

/** Why somebody who was ejected is asked again. `operator`: `Cluster.restore`. */
export type ReturnReason = 'time' | 'active-check' | 'probation' | 'operator';

/** What happens to a cluster, for logs and metrics. Times are on the clock's wall time. */
export type ClusterEvent =
  | {
      readonly kind: 'ejected';
      readonly address: string;
      readonly untilMs: number;
      readonly times: number;
      readonly why: EjectionCause;
    }
  /** It would have been ejected, but so many are already. Told once, until it succeeds again. */
  | {
      readonly kind: 'spared';
      readonly address: string;
      readonly why: EjectionCause;
      readonly ejected: number;
      readonly mayBeEjected: number;
    }
  /** It may be asked again: its time was over, its active check succeeded, or it did well when it was asked once. */
  | { readonly kind: 'returned'; readonly address: string; readonly because: ReturnReason }
  | { readonly kind: 'unhealthy'; readonly address: string; readonly why: string }
  | { readonly kind: 'healthy'; readonly address: string }
  | {
      readonly kind: 'panic';
      readonly isPanicking: boolean;
      readonly healthy: number;
      readonly endpoints: number;
    }
  | { readonly kind: 'updated'; readonly added: readonly string[]; readonly removed: readonly string[] }
  /** Discovery brought nothing new; who was known stays. */
  | { readonly kind: 'discovery-failed'; readonly why: string; readonly endpoints: number };

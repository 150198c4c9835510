import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/** Decides among the members that may be asked. */
export interface Balancer {
  /** From now on, these. At least one is eligible. */
  use(lineup: Lineup): void;
  /**
   * Who takes the next attempt. Allocates nothing.
   *
   * @param avoid is picked only if it is the only one
   */
  pick(hash: number | undefined, avoid: Member | undefined): Member | undefined;
}

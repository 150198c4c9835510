import type { LimitStanding, ResolvedRate } from '@fairlead/policy';
import type { Passage } from '../../engine/filter.ts';

/**
 * The fields by which older gateways tell of limits: `X-RateLimit-Limit-<Name>` and `X-RateLimit-Remaining-<Name>` of each
 * rate, and `RateLimit-Limit`, `-Remaining` and `-Reset` (`draft-ietf-httpapi-ratelimit-headers-06`) of the tightest.
 */
export class OlderFields {
  readonly #names: ReadonlyMap<ResolvedRate, string>;

  /** @param names of the rates, in their order */
  constructor(names: readonly string[], rates: readonly ResolvedRate[]) {
    this.#names = new Map(rates.map((rate, at) => [rate, names[at] ?? '']));
  }

  /** Tells how somebody stands, after the request was counted. */
  stamp(passage: Passage, standings: readonly LimitStanding[]): void {
    let tightest: LimitStanding | undefined;
    for (const standing of standings) {
      const { rate, available } = standing;
      const name = this.#names.get(rate) ?? '';
      passage.setAnswer(`x-ratelimit-limit-${name}`, String(rate.count));
      passage.setAnswer(`x-ratelimit-remaining-${name}`, String(Math.max(0, available)));
      const isTighter =
        tightest === undefined ||
        available < tightest.available ||
        (available === tightest.available && rate.perMs > tightest.rate.perMs);
      if (isTighter) tightest = standing;
    }
    if (tightest === undefined) return;
    const { rate, available } = tightest;
    passage.setAnswer('ratelimit-limit', String(rate.count));
    passage.setAnswer('ratelimit-remaining', String(Math.max(0, available)));
    const untilFullS = Math.ceil(((rate.burst - available) * rate.perMs) / rate.count / 1_000);
    passage.setAnswer('ratelimit-reset', String(Math.max(1, untilFullS)));
  }
}

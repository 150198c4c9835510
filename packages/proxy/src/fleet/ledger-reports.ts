import type { LimitReport, NearAsk } from '../engine/filter.ts';
import { toldKey } from '../filters/told-key.ts';
import type { Whoever } from '../filters/who.ts';
import type { LimitLedger } from './limit-ledger.ts';

/**
 * Who is near the limits that members share, by the ledger that they are counted in. What members have decided they tell themselves.
 * @param reports what members tell of their limits
 */
export function ledgerReports(
  ledger: LimitLedger,
  reports: readonly LimitReport[],
  { share, most }: NearAsk,
  nowMs: number,
): readonly LimitReport[] {
  const shared = reports.filter(({ isShared }) => isShared);
  const distinct = new Map(
    shared.map((report) => [JSON.stringify([report.name, report.by, report.rates.length]), report]),
  );
  return [...distinct.values()].map((report) => {
    // `as`: what the filter that has told it was written with.
    const who = report.who as Whoever;
    let keys = 0;
    const rates = report.rates.map(({ rate, burst }, at) => {
      const near: LimitReport['rates'][number]['near'][number][] = [];
      let counted = 0;
      for (const [key, limit] of ledger.under(`${report.name}:${at}:`)) {
        counted += 1;
        const { available } = limit.inspect(nowMs);
        const used = (burst - available) / burst;
        if (used > 0 && used >= share) near.push({ key, used, available: Math.floor(available) });
      }
      keys = Math.max(keys, counted);
      const nearest = near.toSorted((a, b) => b.used - a.used).slice(0, most);
      return { rate, burst, near: nearest.map((each) => ({ ...each, key: toldKey(who, each.key) })) };
    });
    return { ...report, rates, keys, maxKeys: ledger.maxKeys, admitted: 0, refused: 0, overflowed: 0 };
  });
}

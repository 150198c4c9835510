import type { BenchReport, RowReport } from './harness.ts';
import { short } from './statistics.ts';

/** A report as people read it: a line a row, ours first, then each peer with the ratio ours ÷ theirs. */
export function reportTable(report: BenchReport): string {
  const title = `${report.bench}: medians of ${report.rounds} rounds (lowest–highest)\n${report.machine}`;
  return [title, '', ...report.rows.map(rowLine)].join('\n');
}

function rowLine(row: RowReport): string {
  const [own = '', ...peers] = Object.entries(row.ranges).map(([name, [min, max]]) => {
    const value = row.peers[name] ?? row.value;
    const ratio = row.ratios[name];
    const times = ratio === undefined ? '' : `, ×${short(ratio)}`;
    return `${name} ${short(value)} ${row.unit} (${short(min)}–${short(max)})${times}`;
  });
  const goal =
    row.goal === null ? '' : `   goal ${short(row.goal)} ${row.unit}: ${row.met === true ? 'met' : 'MISSED'}`;
  return `${row.id.padEnd(18)}${[own, ...peers].join('   ')}${goal}`;
}

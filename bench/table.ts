import type { BenchReport, RowReport } from './harness.ts';
import { short } from './statistics.ts';

/** A report as people read it: a line a row, ours first, then each peer with the ratio ours ÷ theirs. */
export function reportTable(report: BenchReport): string {
  const title = `${report.bench}: medians of ${report.rounds} rounds (lowest–highest)\n${report.machine}`;
  const width = Math.max(...report.rows.map((row) => row.id.length)) + 2;
  return [title, '', ...report.rows.map((row) => rowLine(row, width))].join('\n');
}

function rowLine(row: RowReport, width: number): string {
  const [own = '', ...peers] = Object.entries(row.ranges).map(([name, [min, max]]) => {
    const value = row.peers[name] ?? row.value;
    const ratio = row.ratios[name];
    const times = ratio === undefined ? '' : `, ×${short(ratio)}`;
    return `${name} ${short(value)} ${row.unit} (${short(min)}–${short(max)})${times}`;
  });
  const goal =
    row.goal === null
      ? ''
      : `   goal ${short(row.goal)} ${row.unit}: ${row.met === null ? 'no round counts' : row.met ? 'met' : 'MISSED'}`;
  return `${row.id.padEnd(width)}${[own, ...peers].join('   ')}${goal}`;
}

import { PHASES, type StormSecond } from './storm.ts';

const WIDTH = 12;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Storms side by side as text: a line a second, a bar for the share of the capacity that was answered in it. */
export function chart(storms: Readonly<Record<string, readonly StormSecond[]>>): string {
  const names = Object.keys(storms);
  const [first = []] = Object.values(storms);
  const head = ['  s  load', ...names.map((name) => name.padEnd(WIDTH + 5))].join('  ').trimEnd();
  const lines = first.map(({ at, offered }, index) => {
    const bars = names.map((name) => bar(storms[name]?.[index]?.answered ?? 0));
    return [`${String(at).padStart(3)} ${offered.toFixed(2).padStart(5)}`, ...bars].join('  ').trimEnd();
  });
  return [head, ...lines, '', ...names.map((name) => summary(name, storms[name] ?? []))].join('\n');
}

/** Answered a second as a share of the capacity, in the mean of a phase. */
export function goodput(storm: readonly StormSecond[], phase: (typeof PHASES)[number]['name']): number {
  return meanOf(storm, phase, ({ answered }) => answered);
}

/** Answered of what was offered, in a phase. */
export function answeredShare(storm: readonly StormSecond[], phase: (typeof PHASES)[number]['name']): number {
  return goodput(storm, phase) / meanOf(storm, phase, ({ offered }) => offered);
}

function meanOf(
  storm: readonly StormSecond[],
  phase: (typeof PHASES)[number]['name'],
  value: (second: StormSecond) => number,
): number {
  const index = PHASES.findIndex(({ name }) => name === phase);
  const from = PHASES.slice(0, index).reduce((sum, { seconds }) => sum + seconds, 0);
  const seconds = storm.slice(from, from + (PHASES[index]?.seconds ?? 0));
  return seconds.reduce((sum, second) => sum + value(second), 0) / seconds.length;
}

function summary(name: string, storm: readonly StormSecond[]): string {
  const requests = meanOf(storm, 'overload', (second) => second.requests[0] ?? 0);
  const wanted = meanOf(storm, 'overload', ({ offered }) => offered);
  return (
    `${name}: ${percent(goodput(storm, 'overload'))} of the capacity in the overload, ` +
    `${percent(answeredShare(storm, 'after'))} of the calls after it; ` +
    `${(requests / wanted).toFixed(2)} requests a call`
  );
}

function bar(share: number): string {
  const eighths = Math.round(Math.min(1.2, share) * (WIDTH / 1.2) * 8);
  const text = '█'.repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? '');
  return `${text.padEnd(WIDTH)} ${share.toFixed(2)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

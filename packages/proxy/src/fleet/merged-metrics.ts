// Metrics of several processes as those of one: texts in Prometheus' format (0.0.4), series by series.

interface Family {
  /** Its lines `# HELP` and `# TYPE`. */
  readonly head: string[];
  type: string;
  readonly series: Map<string, number>;
}

/** Of a gauge that can't be added up the largest says most: when something began or ends, how late a loop is, what is allowed. */
const LARGEST = /_(?:timestamp_seconds|time_seconds|info)$|_lag_|_max_fds$|_utilization/;

/** Adds up what several processes tell: counters, histograms, and gauges of which there are as many as the sum says. */
export function mergedMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) read(text, families);
  return written(families);
}

/** What a process that has ended has counted: that must not be missing from the sum, or it would fall. */
export function countedMetrics(text: string): string {
  const families = new Map<string, Family>();
  read(text, families);
  for (const [name, { type }] of families) if (type === 'gauge' || type === 'untyped') families.delete(name);
  return written(families);
}

function read(text: string, families: Map<string, Family>): void {
  let current: Family | undefined;
  let isKnown = false;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('# ')) {
      const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
      if (word === undefined) continue;
      if (word === 'HELP' || families.get(name) !== current) isKnown = families.has(name);
      current = families.get(name) ?? { head: [], type: 'untyped', series: new Map<string, number>() };
      families.set(name, current);
      if (word === 'TYPE') current.type = rest;
      if (!isKnown) current.head.push(line);
      continue;
    }
    const at = line.lastIndexOf(' ');
    const series = line.slice(0, at);
    const value = Number(line.slice(at + 1).replace(/^([+-])Inf$/, '$1Infinity'));
    if (current === undefined || at < 0) continue;
    const before = current.series.get(series);
    current.series.set(series, before === undefined ? value : joined(series, current.type, before, value));
  }
}

function joined(series: string, type: string, one: number, other: number): number {
  const name = series.split('{', 1)[0] ?? series;
  return type === 'gauge' && LARGEST.test(name) ? Math.max(one, other) : one + other;
}

function written(families: ReadonlyMap<string, Family>): string {
  return [...families.values()]
    .map(({ head, series }) =>
      [...head, ...[...series].map(([name, value]) => `${name} ${valueText(value)}`), ''].join('\n'),
    )
    .join('\n');
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : `${value > 0 ? '+' : '-'}Inf`;
}

import { plain, type Palette } from './colour.ts';

/** A line that a process wrote, understood as far as it can be. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Milliseconds since the epoch; `undefined` when the line does not say. */
  readonly time: number | undefined;
  readonly text: string;
  /** Trace id, when the line belongs to one. */
  readonly traceId: string | undefined;
}

const LEVELS: Readonly<Record<string, LogLine['level']>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
};

const SHOWN = new Set([
  'time',
  'level',
  'service',
  'msg',
  'traceId',
  'spanId',
  'instance',
  'requestId',
  'pid',
  'hostname',
]);

function json(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Understands a JSON line of ours, or a line of Postgres; anything else is text of level `info`. */
export function readLogLine(line: string): LogLine {
  const fields = json(line);
  if (fields === undefined) {
    const word = /\b(ERROR|FATAL|PANIC|WARNING):/.exec(line)?.[1];
    const level = word === undefined ? 'info' : word === 'WARNING' ? 'warn' : 'error';
    const stamp = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: UTC|Z)/.exec(line)?.[0];
    return {
      level,
      time: timeOf(stamp?.replace(' UTC', 'Z').replace(' ', 'T')),
      text: plain(line),
      traceId: undefined,
    };
  }
  const rest = Object.entries(fields).filter(([name]) => !SHOWN.has(name));
  const more = rest.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const message = typeof fields['msg'] === 'string' ? fields['msg'] : '';
  return {
    level: LEVELS[String(fields['level'])] ?? 'info',
    time: timeOf(fields['time']),
    text: plain([message, ...more].join(' ')),
    traceId: typeof fields['traceId'] === 'string' ? fields['traceId'] : undefined,
  };
}

/** A line as `logs` and `up` show it. */
export function formatLogLine(name: string, line: LogLine, colour: Palette): string {
  const time = line.time === undefined ? '' : `${colour.faint(new Date(line.time).toISOString().slice(11, 23))} `;
  const mark =
    line.level === 'error' ? `${colour.bad('error')} ` : line.level === 'warn' ? `${colour.waiting('warn')} ` : '';
  const trace = line.traceId === undefined ? '' : ` ${colour.faint(`trace=${line.traceId}`)}`;
  return `${time}${colour.strong(name)} ${mark}${line.text}${trace}`;
}

import { styleText } from 'node:util';
import type { LogDestination } from './logger.ts';

type Style = Parameters<typeof styleText>[0];

const LEVELS: Readonly<Record<string, readonly [word: string, style: Style]>> = {
  debug: ['DEBUG', 'gray'],
  info: ['INFO ', 'green'],
  warn: ['WARN ', 'yellow'],
  error: ['ERROR', 'red'],
};

/**
 * A destination that turns JSON lines into ones for people and passes them on: time, level, service, message, fields,
 * and the first half of the trace id; stacks follow on lines of their own. What is no JSON line passes unchanged.
 */
export function prettyDestination(to: LogDestination, options: { readonly colors: boolean }): LogDestination {
  const paint = (style: Style, text: string) =>
    options.colors ? styleText(style, text, { validateStream: false }) : text;
  return { write: (line) => to.write(prettyLine(line, paint)), flush: () => to.flush?.() };
}

function prettyLine(line: string, paint: (style: Style, text: string) => string): string {
  const entry = parse(line);
  if (entry === undefined) return line;
  const { level, time, service, instance: _, msg, traceId, spanId: __, requestId: ___, ...fields } = entry;
  const [word, style] = LEVELS[String(level)] ?? ['     ', 'gray'];
  const stacks: string[] = [];
  const shown = Object.entries(fields).map(([name, value]) => {
    const stack = stackOf(value);
    if (stack !== undefined) stacks.push(stack);
    return paint('gray', `${name}=`) + (stack === undefined ? short(value) : short(messageOf(value)));
  });
  const parts = [
    paint('gray', String(time).slice(11, 23)),
    paint(style, word),
    paint('cyan', String(service)),
    typeof msg === 'string' ? msg : '',
    ...shown,
    ...(typeof traceId === 'string' ? [paint('gray', `trace=${traceId}`)] : []),
  ];
  return `${[parts.join(' '), ...stacks.map((stack) => paint('gray', stack.replaceAll(/^/gm, '  ')))].join('\n')}\n`;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    // An object that is no array has named members.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function stackOf(value: unknown): string | undefined {
  const isError = typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
  return isError ? String(value.stack) : undefined;
}

function messageOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
}

function short(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
}

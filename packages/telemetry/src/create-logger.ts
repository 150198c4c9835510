import type { Clock } from '@fairlead/core';
import { lineWriter, quoted } from './log-line.ts';
import type { LogDestination, Logger, LogLevel, LogOrigin } from './logger.ts';
import type { Redaction } from './redaction.ts';

/** What a logger is made of. */
export interface CreateLoggerOptions {
  readonly service: string;
  readonly instance: string | undefined;
  readonly clock: Clock;
  readonly level: LogLevel;
  readonly destination: LogDestination;
  readonly redaction: Redaction;
}

/** In rising order, as `LogLevel`. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A logger that writes a JSON object a line: `level`, `time`, `service`, trace members, fields, `msg`. */
export function createLogger(options: CreateLoggerOptions): Logger {
  const { service, instance, destination } = options;
  const writer = lineWriter(options.redaction);
  const timeOf = isoTime(options.clock);
  const about = JSON.stringify({ service, ...(instance === undefined ? {} : { instance }) }).slice(1, -1);
  const least = LEVELS.indexOf(options.level);

  function loggerOf(bound: string): Logger {
    const write =
      (level: LogLevel, urgent: boolean): Logger[LogLevel] =>
      (ctx, message, fields) => {
        const line = `{"level":"${level}","time":"${timeOf()}",${about}${bound}${membersOf(ctx)}${writer.rest(fields, message)}}\n`;
        try {
          destination.write(line);
          if (urgent) destination.flush?.();
        } catch {
          // There is nowhere left to tell it, and work must not fail because its log does.
        }
      };
    const at = (level: LogLevel) =>
      LEVELS.indexOf(level) < least ? silent : write(level, level === 'warn' || level === 'error');
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => loggerOf(bound + writer.fields(fields)),
    };
  }
  return loggerOf('');
}

function silent(): void {}

/** The time as lines have it; written anew once a millisecond. */
function isoTime(clock: Clock): () => string {
  let atMs = Number.NaN;
  let text = '';
  return () => {
    const nowMs = clock.now();
    if (nowMs === atMs) return text;
    atMs = nowMs;
    text = new Date(nowMs).toISOString();
    return text;
  };
}

function membersOf(ctx: LogOrigin | undefined): string {
  if (ctx === undefined) return '';
  const { trace, requestId, tenant, correlationId } = ctx;
  const ids = `,"traceId":"${trace.traceId}","spanId":"${trace.spanId}","requestId":${quoted(requestId)}`;
  const of = tenant === undefined ? ids : `${ids},"tenant":${quoted(tenant)}`;
  return correlationId === requestId ? of : `${of},"correlationId":${quoted(correlationId)}`;
}

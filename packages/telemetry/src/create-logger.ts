import type { Clock, Context } from '@fairlead/core';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { LogDestination, LogFields, Logger, LogLevel } from './logger.ts';
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

/** Members that the logger itself writes; a field of such a name is written as `field.<name>`. */
const OWN_MEMBERS = new Set([
  'level',
  'time',
  'service',
  'instance',
  'msg',
  'traceId',
  'spanId',
  'tenant',
  'requestId',
  'correlationId',
]);

/** A logger that writes a JSON object a line: `level`, `time`, `service`, trace members, fields, `msg`. */
export function createLogger(options: CreateLoggerOptions): Logger {
  const { service, instance, clock, redaction } = options;
  const stream: DestinationStream = {
    write(line) {
      try {
        options.destination.write(line);
      } catch {
        // There is nowhere left to tell it, and work must not fail because its log does.
      }
    },
  };
  const base = pino(
    {
      level: options.level,
      base: { service, ...(instance === undefined ? {} : { instance }) },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return wrap(base, redaction);
}

function wrap(base: PinoLogger, redaction: Redaction): Logger {
  const writer = (level: LogLevel) => (ctx: Context | undefined, message: string, fields?: LogFields) => {
    if (!base.isLevelEnabled(level)) return;
    base[level]({ ...membersOf(ctx), ...fieldsOf(fields, redaction) }, redaction.text(message));
  };
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    child: (fields) => wrap(base.child(fieldsOf(fields, redaction)), redaction),
  };
}

function membersOf(ctx: Context | undefined): Record<string, string> {
  if (ctx === undefined) return {};
  const { trace, requestId, tenant, correlationId } = ctx;
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    requestId,
    ...(tenant === undefined ? {} : { tenant }),
    ...(correlationId === requestId ? {} : { correlationId }),
  };
}

function fieldsOf(fields: LogFields | undefined, redaction: Redaction): Record<string, unknown> {
  if (fields === undefined) return {};
  // An object that is copied comes out as an object.
  const safe = redaction.value(fields) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(safe).map(([name, value]) => [OWN_MEMBERS.has(name) ? `field.${name}` : name, value]),
  );
}

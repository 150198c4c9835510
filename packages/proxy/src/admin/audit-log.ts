import { open, type FileHandle } from 'node:fs/promises';
import { FairleadError, uuidV7, type Clock, type Random } from '@fairlead/core';
import { redaction, type Telemetry } from '@fairlead/telemetry';
import { fail } from '../errors.ts';

/** A change that somebody has asked for. */
export interface AuditEntry {
  /** The operation, such as `purgeCache`. */
  readonly action: string;
  /** Who says that it is him; `unknown` when nobody does. What was proved is that he had the credential, unless it was refused. */
  readonly who: string;
  /** The address that it came from; `unix` for a socket. */
  readonly from: string;
  /** What it is about. */
  readonly target: Readonly<Record<string, unknown>>;
}

/** A line of the audit log, as it is written: `asked` before anything happens, then the outcome under the same id. */
export interface AuditLine extends AuditEntry {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `asked`, `done`, or a code that says why not. */
  readonly outcome: string;
}

/** Where changes are written down. */
export interface AuditLog {
  /**
   * Writes down that something is about to be changed; resolves when that is on the disk.
   * @throws AUDIT_UNWRITABLE, and then nothing may be changed
   */
  asked(entry: AuditEntry): Promise<string>;
  /**
   * Writes down that something was refused before it was looked at. Of those that have no credential only ten a second are written, so that
   * nobody fills the disk; how many were not is in the next line.
   */
  refused(entry: AuditEntry, code: string): Promise<void>;
  /** Writes down what became of it. That it can't be is told in the log: what has happened has happened. */
  ended(id: string, entry: AuditEntry, outcome: string): Promise<void>;
  /** The last ones, the oldest first, each with what is known of its end. */
  readonly recent: readonly AuditLine[];
  close(): Promise<void>;
}

/** Where an audit log is written. */
export interface AuditLogOptions {
  /** A file that lines of JSON are added to, readable by its owner only. Default: lines go to the log alone. */
  readonly file?: string | undefined;
  readonly telemetry: Pick<Telemetry, 'log'>;
  readonly clock: Clock;
  readonly random: Random;
}

const MOST_RECENT = 100;
const MOST_REFUSALS_PER_SECOND = 10;
const OWNER_ONLY = 0o600;
const shapes = redaction([], []);

/**
 * Opens an audit log. A line is on the disk (append, fsync) before what it announces happens, so that a change that nobody wrote down is none;
 * one that was cut short by the end of the process is there as `asked`. The log has each line, too.
 * @throws MISCONFIGURED when the file can't be written
 */
export async function openAuditLog({ file, telemetry, clock, random }: AuditLogOptions): Promise<AuditLog> {
  const handle = file === undefined ? undefined : await openFile(file);
  const recent: AuditLine[] = [];
  let writing: Promise<void> = Promise.resolve();
  let windowAtMs = -Infinity;
  let inWindow = 0;
  let unwritten = 0;

  /** One line after the other, each synced. */
  function write(line: AuditLine): Promise<void> {
    if (handle === undefined) return Promise.resolve();
    const written = writing.then(async () => {
      await handle.appendFile(`${JSON.stringify(line)}\n`);
      await handle.datasync();
    });
    writing = written.catch(() => undefined);
    return written;
  }

  function line(id: string, entry: AuditEntry, outcome: string): AuditLine {
    const { action, who, from } = entry;
    const target = shapes.value(entry.target);
    // `as`: a copy of an object is one.
    return {
      at: new Date(clock.now()).toISOString(),
      id,
      who: shapes.text(who),
      from,
      action,
      target: target as Readonly<Record<string, unknown>>,
      outcome,
    };
  }

  function remember(made: AuditLine): void {
    recent.push(made);
    if (recent.length > MOST_RECENT) recent.shift();
  }

  return {
    recent,
    async asked(entry) {
      const asked = line(uuidV7({ clock, random }), entry, 'asked');
      try {
        await write(asked);
      } catch (cause) {
        telemetry.log.error(undefined, 'the audit log can not be written; nothing is changed', { error: cause });
        const message = 'The audit log can not be written, so nothing is changed. The log says why.';
        throw fail('AUDIT_UNWRITABLE', message, { cause });
      }
      telemetry.log.info(undefined, 'admin change', { audit: asked });
      remember(asked);
      return asked.id;
    },
    async refused(entry, code) {
      const nowMs = clock.monotonic();
      if (nowMs - windowAtMs >= 1_000) {
        windowAtMs = nowMs;
        inWindow = 0;
      }
      inWindow += 1;
      if (inWindow > MOST_REFUSALS_PER_SECOND) {
        unwritten += 1;
        return;
      }
      const target = unwritten === 0 ? entry.target : { ...entry.target, unwritten };
      unwritten = 0;
      const refused = line(uuidV7({ clock, random }), { ...entry, target }, code);
      remember(refused);
      telemetry.log.warn(undefined, 'admin change', { audit: refused });
      await write(refused).catch((error: unknown) =>
        telemetry.log.error(undefined, 'the audit log can not be written', { error }),
      );
    },
    async ended(id, entry, outcome) {
      const ended = line(id, entry, outcome);
      const at = recent.findIndex((each) => each.id === id);
      if (at >= 0) recent[at] = ended;
      telemetry.log[outcome === 'done' ? 'info' : 'warn'](undefined, 'admin change', { audit: ended });
      try {
        await write(ended);
      } catch (error) {
        telemetry.log.error(undefined, 'the outcome of a change is not in the audit log', { error, audit: ended });
      }
    },
    async close() {
      await writing;
      await handle?.close();
    },
  };
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'a', OWNER_ONLY);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('internal', 'MISCONFIGURED', `The audit log ${file} can't be written: ${why}`, { cause });
  }
}

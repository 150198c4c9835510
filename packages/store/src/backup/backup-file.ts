import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fail } from '../errors.ts';
import { BACKUP_FORMAT, type BackupHeader, type FileEnd } from './backup-format.ts';
import { writeWholeFile } from './whole-file.ts';

/** Lines are gathered up to this size, in characters, before they are written. */
const BUFFER = 256 * 1024;

/** Writes a file of lines and, as the last of them, their checksum; see `writeWholeFile`. */
export function writeBackupFile(
  path: string,
  fill: (line: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  return writeWholeFile(path, async (write) => {
    const hash = createHash('sha256');
    let pending = '';
    await fill(async (text) => {
      hash.update(`${text}\n`);
      pending += `${text}\n`;
      if (pending.length < BUFFER) return;
      const full = pending;
      pending = '';
      await write(full);
    });
    const end: FileEnd = { end: 'backup', sha256: hash.digest('hex') };
    await write(`${pending}${JSON.stringify(end)}\n`);
  });
}

/**
 * The lines of a file, one after another; memory is bounded by the longest. A line ends with a line feed and nothing else:
 * U+2028, which readline takes for an end too, may be in a value.
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  await using file = await opened(path);
  yield* linesOf(file.createReadStream({ encoding: 'utf8', autoClose: false }));
}

/** The lines of a text that comes in chunks of strings. */
export async function* linesOf(chunks: AsyncIterable<unknown>): AsyncGenerator<string> {
  const pieces: string[] = [];
  for await (const chunk of chunks) {
    const parts = String(chunk).split('\n');
    const rest = parts.pop() ?? '';
    for (const part of parts) yield pieces.splice(0).join('') + part;
    if (rest !== '') pieces.push(rest);
  }
  if (pieces.length > 0) yield pieces.join('');
}

async function opened(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fail('BACKUP_INVALID', `The backup ${path} can't be read: ${reason}.`, { cause: error });
  }
}

/**
 * Reads the whole file once and answers with its header.
 * @throws BACKUP_INVALID when it is no backup, of another format, cut off or changed
 */
export async function checkBackupFile(path: string): Promise<BackupHeader> {
  const hash = createHash('sha256');
  let header: BackupHeader | undefined;
  let last: string | undefined;
  for await (const line of readLines(path)) {
    header ??= readHeader(path, line);
    if (last !== undefined) hash.update(`${last}\n`);
    last = line;
  }
  const expected: FileEnd = { end: 'backup', sha256: hash.digest('hex') };
  if (header === undefined || last !== JSON.stringify(expected)) {
    throw fail(
      'BACKUP_INVALID',
      `The backup ${path} is cut off or was changed: its last line does not match what is before it. Take another copy of it; nothing was restored.`,
    );
  }
  return header;
}

function readHeader(path: string, line: string): BackupHeader {
  const value = parsed(line);
  if (typeof value !== 'object' || value === null || !('fairlead' in value) || value.fairlead !== 'backup') {
    throw fail('BACKUP_INVALID', `${path} is not a backup that fairlead db backup has written.`);
  }
  if (!('format' in value) || value.format !== BACKUP_FORMAT) {
    const format = 'format' in value ? String(value.format) : 'none';
    throw fail(
      'BACKUP_INVALID',
      `The backup ${path} has format ${format}; this Fairlead reads format ${BACKUP_FORMAT}. Restore it with the release that wrote it.`,
    );
  }
  // Written by backupDatabase, and the hash over the whole file, which is checked before anything is used, says so.
  return value as BackupHeader;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { linesOf } from '../backup/backup-file.ts';
import { writeWholeFile } from '../backup/whole-file.ts';
import { fail } from '../errors.ts';

const compress = promisify(gzip);

/** Lines are gathered up to this size, in characters, before they are compressed. */
const BUFFER = 1024 * 1024;

/** The last line: without it the file is not whole. */
interface FileEnd {
  readonly end: string;
  readonly lines: number;
  /** SHA-256 of all lines before it, in hex. */
  readonly sha256: string;
}

/** Writes JSON lines, compressed with gzip: the header first, the checksum last; see `writeWholeFile`. */
export function writeArchiveFile(
  path: string,
  header: { readonly fairlead: string },
  fill: (line: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  return writeWholeFile(path, async (write) => {
    const hash = createHash('sha256');
    let pending = '';
    let lines = 0;
    const flush = async (): Promise<void> => {
      const full = pending;
      pending = '';
      // Members of a gzip file may follow one another.
      await write(await compress(full));
    };
    const line = async (text: string): Promise<void> => {
      hash.update(`${text}\n`);
      pending += `${text}\n`;
      lines += 1;
      if (pending.length >= BUFFER) await flush();
    };
    await line(JSON.stringify(header));
    await fill(line);
    const end: FileEnd = { end: header.fairlead, lines, sha256: hash.digest('hex') };
    pending += `${JSON.stringify(end)}\n`;
    await flush();
  });
}

/** The lines of such a file between its header and its end. Only after `checkArchiveFile` are they to be believed. */
export async function* readArchiveFile(path: string): AsyncGenerator<string> {
  let before: string | undefined;
  let first = true;
  for await (const line of unpacked(path)) {
    if (before !== undefined && !first) yield before;
    if (before !== undefined) first = false;
    before = line;
  }
}

/**
 * Reads a whole file once and answers with its header.
 * @throws ARCHIVE_INVALID when it is none of `kind`, of another format, cut off or changed
 */
export async function checkArchiveFile(path: string, kind: string, format: number): Promise<Record<string, unknown>> {
  const hash = createHash('sha256');
  let header: Record<string, unknown> | undefined;
  let last: string | undefined;
  let lines = 0;
  for await (const line of unpacked(path)) {
    header ??= objectIn(line);
    if (last !== undefined) {
      hash.update(`${last}\n`);
      lines += 1;
    }
    last = line;
  }
  if (header?.['fairlead'] !== kind || header['format'] !== format) {
    throw fail(
      'ARCHIVE_INVALID',
      `${path} is no file of the kind "${kind}" in format ${format}. Leave only those there.`,
    );
  }
  const expected: FileEnd = { end: kind, lines, sha256: hash.digest('hex') };
  if (last !== JSON.stringify(expected)) {
    throw fail(
      'ARCHIVE_INVALID',
      `${path} is cut off or was changed: its last line does not match what is before it. Take another copy of it; nothing was restored from it.`,
    );
  }
  return header;
}

async function* unpacked(path: string): AsyncGenerator<string> {
  const source = createReadStream(path);
  const text = createGunzip();
  source.on('error', (error) => text.destroy(error));
  try {
    yield* linesOf(source.pipe(text).setEncoding('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fail('ARCHIVE_INVALID', `${path} can't be read: ${reason}. Take another copy of it.`, { cause: error });
  } finally {
    source.destroy();
    text.destroy();
  }
}

function objectIn(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // No JSON, no header.
  }
  return {};
}

import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';

/** How much is kept. */
export interface LogFileOptions {
  /** A file that would grow beyond this many bytes becomes `<path>.1`, and what was there is dropped. Default 5 MiB. */
  readonly maxBytes?: number;
  /** Last lines kept in memory. Default 20. */
  readonly keepLines?: number;
}

/** A log of bounded size: at most twice `maxBytes` on disk. */
export interface LogFile {
  readonly path: string;
  write(line: string): void;
  /** The last lines since `clearLines`, oldest first. */
  lastLines(): readonly string[];
  /** Forgets the lines in memory, such as at the start of another run. */
  clearLines(): void;
  close(): void;
}

/**
 * Opens a log to append to. A disk that is full loses lines, never the platform; where a file may not grow to `maxBytes`
 * (RLIMIT_FSIZE), it moves aside at what it may. The file's mode is 0600.
 */
export function openLogFile(path: string, options: LogFileOptions = {}): LogFile {
  const maxBytes = options.maxBytes ?? 5 * 1024 * 1024;
  const keepLines = options.keepLines ?? 20;
  let fd: number | undefined = openSync(path, 'a', 0o600);
  let size = fstatSync(fd).size;
  let lines: string[] = [];

  function rotate(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    renameSync(path, `${path}.1`);
    fd = openSync(path, 'a', 0o600);
    size = 0;
  }

  function append(bytes: Uint8Array): void {
    if (fd === undefined) return;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      size += bytes.length;
    } catch (error) {
      // No half of a line stays.
      ftruncateSync(fd, size);
      if (size === 0 || !(error instanceof Error && 'code' in error && error.code === 'EFBIG')) throw error;
      rotate();
      append(bytes);
    }
  }

  return {
    path,
    write(line) {
      lines.push(line);
      if (lines.length > keepLines) lines = lines.slice(-keepLines);
      if (fd === undefined) return;
      const bytes = Buffer.from(`${line}\n`);
      try {
        if (size > 0 && size + bytes.length > maxBytes) rotate();
        append(bytes);
      } catch {
        // The line is lost; there is nowhere to say so that would not have the same trouble.
      }
    },
    lastLines: () => [...lines],
    clearLines() {
      lines = [];
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

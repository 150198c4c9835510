import { open, stat } from 'node:fs/promises';

/** Reads what is appended to a file, from where the last read ended. */
export interface LogTail {
  readonly name: string;
  /** The lines that were completed since the last call. A file that was rotated is read from its new beginning. */
  next(): Promise<readonly string[]>;
}

/**
 * Follows one file; a file that is not there yet is an empty one. At most `maxBytes` (default 1 MiB) of what is there already are read.
 */
export function logTail(name: string, path: string, maxBytes = 1024 * 1024): LogTail {
  let offset: number | undefined;
  let inode: number | undefined;
  let rest = Buffer.alloc(0);

  async function read(from: number, to: number): Promise<Buffer> {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  return {
    name,
    async next() {
      const now = await stat(path).catch(() => undefined);
      if (now === undefined) return [];
      const first = offset === undefined;
      if (offset === undefined) offset = Math.max(0, now.size - maxBytes);
      else if (now.ino !== inode || now.size < offset) offset = 0;
      const cut = first && offset > 0;
      inode = now.ino;
      if (now.size === offset) return [];
      const chunk = await read(offset, now.size);
      offset += chunk.length;
      const bytes = Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      rest = Buffer.from(bytes.subarray(end));
      const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
      return cut ? lines.slice(1) : lines;
    },
  };
}

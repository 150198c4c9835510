import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream of bytes into lines. */
export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** Gives out what stands without a line end. */
  end(): void;
}

/**
 * Calls `onLine` for each line without its end (`\n` or `\r\n`). A line longer than `maxLineChars` (default 65 536) is cut into pieces,
 * so that a process that never ends its line can't fill the memory.
 */
export function lineSplitter(onLine: (line: string) => void, maxLineChars = 65_536): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const emit = (line: string): void => onLine(line.endsWith('\r') ? line.slice(0, -1) : line);

  function take(text: string): void {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) emit(line);
    while (rest.length > maxLineChars) {
      onLine(rest.slice(0, maxLineChars));
      rest = rest.slice(maxLineChars);
    }
  }

  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end() {
      take(decoder.end());
      if (rest !== '') emit(rest);
      rest = '';
    },
  };
}

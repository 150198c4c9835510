import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import type { Coding } from './accepted-coding.ts';

/** How much work goes into it: the least for streams that many read once, the most for what a cache keeps. */
export type Effort = 'fast' | 'usual' | 'small';

/** Something that makes a body smaller as it comes. */
export interface Encoder {
  readonly stream: Transform;
  /** Gives on all that it has taken so far. */
  flush(): void;
}

const GZIP_LEVELS = { fast: 1, usual: 5, small: 9 } as const;
const BROTLI_QUALITIES = { fast: 1, usual: 4, small: 9 } as const;
const ZSTD_LEVELS = { fast: 1, usual: 3, small: 12 } as const;
/** 256 KiB for brotli, 512 KiB for zstd: what one body may look back at, so that it takes no more memory than that. */
const BROTLI_WINDOW_BITS = 18;
const ZSTD_WINDOW_BITS = 19;
/** What a stream holds on either side before it says that it has no room. */
const HELD_BYTES = 32 * 1024;

/** An encoder for one body. Its work is done on the threads of the runtime, not on the event loop's. */
export function encoderOf(coding: Coding, effort: Effort): Encoder {
  const held = { highWaterMark: HELD_BYTES };
  switch (coding) {
    case 'gzip': {
      const stream = createGzip({ ...held, level: GZIP_LEVELS[effort] });
      return { stream, flush: () => stream.flush(constants.Z_SYNC_FLUSH) };
    }
    case 'br': {
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITIES[effort],
        [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
      };
      const stream = createBrotliCompress({ ...held, params });
      return { stream, flush: () => stream.flush(constants.BROTLI_OPERATION_FLUSH) };
    }
    case 'zstd': {
      const params = {
        [constants.ZSTD_c_compressionLevel]: ZSTD_LEVELS[effort],
        [constants.ZSTD_c_windowLog]: ZSTD_WINDOW_BITS,
      };
      const stream = createZstdCompress({ ...held, params });
      return { stream, flush: () => stream.flush(constants.ZSTD_e_flush) };
    }
  }
}

import type { Fields } from '@fairlead/net';
import type { BodySink, BodyStage } from '../../engine/filter.ts';
import type { Encoder } from './encoder.ts';

/** How one body is made smaller. */
export interface CompressStageOptions {
  readonly encoder: Encoder;
  /** Whether each part leaves as soon as it has come, for readers that wait for it. Else it waits for others to share with. */
  readonly flushesParts: boolean;
  /** Called once, when its memory is free again. */
  readonly onClosed: () => void;
}

/** Makes a body smaller on its way. It holds what its encoder holds, and one part. */
export function compressStage(
  { encoder, flushesParts, onClosed }: CompressStageOptions,
  next: BodySink,
  source: { room(): void },
): BodyStage {
  const { stream, flush } = encoder;
  let trailers: Fields | undefined;
  let isCut = false;
  stream.on('data', (part: Buffer) => {
    if (!next.part(part)) stream.pause();
  });
  stream.on('drain', () => source.room());
  stream.on('end', () => {
    if (!isCut && trailers !== undefined) next.end(trailers);
  });
  // What it was given can't be wrong; without memory there is no more of it.
  stream.on('error', () => next.cut());
  stream.on('close', onClosed);
  return {
    part(part) {
      // It is lent, and threads read it later.
      const hasRoom = stream.write(Buffer.from(part));
      if (flushesParts) flush();
      return hasRoom && !stream.writableNeedDrain;
    },
    end(after) {
      trailers = after;
      stream.end();
    },
    cut() {
      isCut = true;
      stream.destroy();
    },
    room: () => void stream.resume(),
  };
}

import type { Duplex } from 'node:stream';

/**
 * Tells `listener` what a socket reads, as `data` would: at once, where a stream would also look in a tick of its own, after each read,
 * whether there is more to be had. What comes while it is paused waits in the stream, as it does without this. Should Node ever fill
 * its streams otherwise than by `push`, `data` is what tells. Returns how to end it.
 */
export function directData(socket: Duplex, listener: (chunk: Buffer) => void): () => void {
  const push = socket.push.bind(socket);
  socket.on('data', listener);
  socket.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk === null || socket.readableLength > 0 || socket.isPaused()) return push(chunk, encoding);
    listener(chunk);
    return true;
  };
  return () => {
    socket.push = push;
    socket.off('data', listener);
  };
}

import type { Socket } from 'node:net';
import type { Clock, Timer } from '@fairlead/core';
import type { Carrier, TakenOver } from '@fairlead/net';

/**
 * Passes bytes on, both ways and as fast as they are taken, until either side ends or both have been silent for `idleMs`
 * (0: for ever). Returns how to end it.
 */
export function tunnel(
  clock: Clock,
  idleMs: number,
  client: TakenOver,
  carrier: Carrier,
  onEnd: () => void,
): () => void {
  let isOver = false;
  let heardAtMs = clock.monotonic();
  let silence: Timer | undefined;
  const pass = (bytes: Buffer, from: Socket, to: Socket): void => {
    heardAtMs = clock.monotonic();
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  };
  const upstream = carrier.takeOver((bytes) => pass(Buffer.from(bytes), upstream.socket, client.socket));
  const sockets = [client.socket, upstream.socket];

  function end(): void {
    if (isOver) return;
    isOver = true;
    silence?.cancel();
    for (const socket of sockets) socket.destroySoon();
    onEnd();
  }

  function look(): void {
    const leftMs = heardAtMs + idleMs - clock.monotonic();
    if (leftMs <= 0) end();
    else silence = clock.setTimer(leftMs, look);
  }

  for (const socket of sockets) {
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }
  client.socket.on('data', (bytes: Buffer) => pass(bytes, client.socket, upstream.socket));
  if (client.first.length > 0) pass(client.first, client.socket, upstream.socket);
  if (upstream.first.length > 0) pass(upstream.first, upstream.socket, client.socket);
  client.socket.resume();
  if (idleMs > 0) look();
  return end;
}

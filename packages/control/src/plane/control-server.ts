import type { Closeable, CloseOptions } from '@fairlead/core';
import type { FastifyInstance } from 'fastify';

/** A listening server of the control plane. */
export interface ControlServer extends Closeable {
  /** `http://127.0.0.1:<port>` or `unix:/path`. */
  readonly url: string;
}

/** A Fastify server as something to close: lets what is under way finish within the grace, then ends every connection. */
export function serverOf(app: FastifyInstance, url: string): ControlServer {
  let closed: Promise<void> | undefined;
  function close({ graceMs = 5_000 }: CloseOptions = {}): Promise<void> {
    if (graceMs === 0) app.server.closeAllConnections();
    closed ??= app.close();
    return closed;
  }
  return { url, close, [Symbol.asyncDispose]: () => close() };
}

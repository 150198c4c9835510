import { chmod, rm } from 'node:fs/promises';
import { fastify } from 'fastify';
import type { ControlPlane } from './control-plane.ts';
import { serverOf, type ControlServer } from './control-server.ts';
import { answerProblems } from './problem-answers.ts';

/** Where the platform's own processes find the control plane. */
export interface InternalServerOptions {
  /** Path of the unix socket, in a folder that only this user may enter: that is what guards it. A stale one is replaced. */
  readonly socketPath: string;
  /** Told of failures inside. */
  readonly onInternal: (error: unknown) => void;
}

/** Largest export request, in bytes. */
const MAX_EXPORT_BYTES = 8 * 1024 * 1024;

/**
 * Serves what the platform's processes need: `POST /v1/traces` (OTLP/HTTP, JSON) and the public keys.
 */
export async function serveInternal(plane: ControlPlane, options: InternalServerOptions): Promise<ControlServer> {
  const app = fastify({ bodyLimit: MAX_EXPORT_BYTES, forceCloseConnections: 'idle' });
  answerProblems(app, options.onInternal);
  app.post('/v1/traces', async (request) => {
    const received = plane.receive(request.body);
    if (received.rejected === 0) return {};
    return {
      partialSuccess: { rejectedSpans: String(received.rejected), errorMessage: 'spans without well-formed ids' },
    };
  });
  app.get('/.well-known/jwks.json', async () => plane.tokens.jwks);
  app.get('/health/live', async () => ({ live: true }));
  await rm(options.socketPath, { force: true });
  await app.listen({ path: options.socketPath });
  await chmod(options.socketPath, 0o600);
  return serverOf(app, `unix:${options.socketPath}`);
}

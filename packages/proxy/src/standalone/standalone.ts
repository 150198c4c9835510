import { CLAIMS } from '../edge-claims.ts';
import { startEngine, type Engine } from '../engine/engine.ts';
import type { EngineOptions } from '../engine/engine-options.ts';
import { ownPath } from '../own-paths.ts';

/**
 * Starts a proxy as it stands alone at an edge: with health at `/-/health/live` and `/-/health/ready` of each listener, and
 * without what only an edge may say of a request.
 * @throws as `startEngine` does
 */
export async function startStandalone(
  options: Pick<
    EngineOptions,
    'snapshot' | 'clock' | 'random' | 'telemetry' | 'limits' | 'ownLimits' | 'sharedCache' | 'loopDelayMs'
  >,
): Promise<Engine> {
  const engine = await startEngine({
    ...options,
    // gRPC's deadline is the client's to say, and goes on.
    strip: { ...CLAIMS, names: CLAIMS.names.filter((name) => name !== 'grpc-timeout') },
    refusal: (facts) => ownPath(facts, () => (engine.isDraining ? 'draining' : 'ok')),
  });
  return engine;
}

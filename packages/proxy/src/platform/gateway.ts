// The platform's gateway: the engine (engine/engine.ts) with what the platform asks of every request
//   options.ts           config.ts             how it is told what to do; main.ts of the package is its process
//   gateway-snapshot.ts  platform-filters.ts   what of it the engine runs
//   edge-filters.ts      service-policies.ts   which filters a route may have there, and what policies do at an edge
// Beside this room: standalone/, the engine without the platform; own-paths.ts and edge-claims.ts, what no route is asked
// about and what nobody outside may say; errors.ts, codes of the whole package. admin/ engine/ explain/ filters/ fleet/
// match/ snapshot/ each say in their main file what they hold.
import { rm } from 'node:fs/promises';
import { FairleadError, type Closeable } from '@fairlead/core';
import { serveAdmin } from '../admin/admin-server.ts';
import { oneProcess } from '../admin/gateway-processes.ts';
import { LocalGateway } from '../admin/local-gateway.ts';
import { swapHistory } from '../admin/swap-history.ts';
import { CLAIMS } from '../edge-claims.ts';
import { startEngine, type Engine } from '../engine/engine.ts';
import { resolveJwtSpec } from '../filters/jwt/jwt-spec.ts';
import { JwtVerifier } from '../filters/jwt/jwt-verifier.ts';
import { ownPath, type Health } from '../own-paths.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { gatewaySnapshot, LISTENER } from './gateway-snapshot.ts';
import { resolveOptions, type GatewayOptions, type ResolvedOptions } from './options.ts';
import { PLATFORM_WORDS, platformKinds } from './platform-filters.ts';

/** A gateway that listens. `close` refuses new requests, lets those under way end within its grace time, then cuts them. */
export interface Gateway extends Closeable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Whether requests would be served: it has public keys and is not shutting down. */
  ready(): boolean;
  /** As `Engine.close`. */
  close(options?: { readonly graceMs?: number; readonly isReplaced?: boolean }): Promise<void>;
}

/**
 * Starts a gateway: the only door of the platform. It verifies the token, sets tenant, subject and roles, and drops
 * whatever of the kind came from outside. Resolves when it listens; public keys are fetched behind the scenes, until then
 * requests are answered with KEYS_UNAVAILABLE.
 *
 * `GET /-/health/live` is 200 as long as the process answers; `GET /-/health/ready` is 200 when `ready()`, else 503.
 * Nothing below `/-` ever reaches a service.
 *
 * @throws MISCONFIGURED with every wrong option; LISTEN_FAILED when the address can't be had
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const resolved = resolveOptions(options);
  const { clock, random, telemetry, connectPatienceMs } = resolved;
  const spec = tokenSpec(resolved);
  const verifier = new JwtVerifier(spec, resolved, typeof resolved.jwks === 'function' ? resolved.jwks : undefined);
  const health = (): Health => (engine.isDraining ? 'draining' : verifier.hasKeys ? 'ok' : 'no-keys');
  const snapshot = gatewaySnapshot(resolved);
  const engine = await startEngine({
    snapshot,
    clock,
    random,
    telemetry,
    loopDelayMs: resolved.loopDelayMs,
    kinds: platformKinds(resolved, spec, verifier),
    strip: { names: [...CLAIMS.names, 'authorization', 'baggage'], prefixes: CLAIMS.prefixes },
    isAsciiOnly: true,
    connectPatienceMs,
    refusal: (facts) => ownPath(facts, health),
  }).catch((cause: unknown) => {
    verifier.close();
    const { host, port } = resolved.listen;
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `The gateway can't listen on ${host}:${port}: ${why}`;
    throw new FairleadError('internal', 'LISTEN_FAILED', message, { cause });
  });

  const operators = await serveOperators(resolved, engine, snapshot).catch(async (error: unknown) => {
    await engine.close({ graceMs: 0 });
    verifier.close();
    throw error;
  });

  let closing: Promise<void> | undefined;
  const end = async (closeOptions: Parameters<Gateway['close']>[0]): Promise<void> => {
    try {
      await engine.close(closeOptions);
    } finally {
      verifier.close();
      await operators?.close();
    }
  };
  const close: Gateway['close'] = (closeOptions) => (closing ??= end(closeOptions));
  return {
    url: engine.urls.get(LISTENER) ?? '',
    ready: () => health() === 'ok',
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/** Has operators asked at their socket, if there is one. */
async function serveOperators(
  { admin, clock, random, telemetry }: ResolvedOptions,
  engine: Engine,
  snapshot: CompiledSnapshot,
): Promise<Closeable | undefined> {
  if (admin === undefined) return undefined;
  // Whoever had it before and was killed has left it behind.
  await rm(admin.socketPath, { force: true });
  const gateway = new LocalGateway({
    engine,
    snapshot: () => snapshot,
    history: swapHistory(snapshot, clock),
    metrics: telemetry.metrics,
    clock,
    words: PLATFORM_WORDS,
  });
  return serveAdmin({ listen: { path: admin.socketPath }, clock, random, telemetry, processes: oneProcess(gateway) });
}

/** What a token of the platform must be. */
function tokenSpec({ issuer, audience, tenants, jwks, ...options }: ResolvedOptions) {
  return resolveJwtSpec({
    type: 'jwt',
    issuer,
    audience,
    ...(typeof jwks === 'string' ? { jwks } : {}),
    algorithms: ['EdDSA', 'ES256', 'RS256'],
    clockSkew: 0,
    tenants: [...tenants],
    require: { tenant: true, subject: true },
    maxAge: options.jwksMaxAgeMs,
    cooldown: options.jwksCooldownMs,
    cache: options.tokenCacheSize,
  });
}

import type {
  Clock,
  Closeable,
  Context,
  Random,
  ScopedContext,
  Transport,
  TransportRequest,
  TransportResponse,
} from '@fairlead/core';
import type { Broker } from '@fairlead/messaging';
import type { LimitStore } from '@fairlead/policy';
import type { Database } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import type { PolicyReport, PolicyTargets } from './policy-report.ts';
import type { ServiceDefinition } from './definition.ts';
import type { RawCall } from './raw-route.ts';
import type { Upkeep } from './upkeep.ts';

/** How a service reaches the world. Its code can't tell which topology provides them. */
export interface ServicePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Carries the calls to what the service `uses`. */
  readonly transport: Transport;
  /** The service's own database, with the runtime role. Needed when the definition has a `database`. Not closed by the service. */
  readonly database?: Database;
  /**
   * Further connections to the same database, over which leases are renewed: in those of `database` a renewal would queue
   * behind the service's transactions. Not closed by the service. Default: `database`.
   */
  readonly leaseDatabase?: Database;
  /** Carries events. Needed when the contract has events or the definition consumers. Not closed by the service. */
  readonly broker?: Broker;
  /** How calls to what the service `uses` behave under stress. Default: `DEFAULT_POLICY` for every call. */
  readonly policies?: PolicyTargets;
  /** Where limits are counted that a policy shares among processes. Default: none, and sharing one is refused. */
  readonly limits?: LimitStore;
  /** How late the event loop runs, in milliseconds; policies that shed load look at it. Default: nobody measures it. */
  readonly loopDelayMs?: () => number;
  /** Where configuration is read from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Name of this instance, unique among the service's instances and the same after a restart (`orders-1`): a new start of
   * an instance takes over at once what its predecessor left claimed.
   */
  readonly instance: string;
  /** Reads the file that a `<NAME>_FILE` variable names. Default: from the disk. */
  readonly readFile?: (path: string) => string;
}

/** Something that a service needs, and whether it is there. */
export interface ReadinessCheck {
  /** `started`, `database`, `migrations`, `broker`, `calls to <target>`. */
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong and what to do, when it is. */
  readonly problem?: string;
}

/** Whether traffic should come here. */
export interface Readiness {
  readonly ready: boolean;
  readonly state: 'created' | 'starting' | 'running' | 'draining' | 'closed';
  readonly checks: readonly ReadinessCheck[];
}

/** A request as it comes in: what a transport carries, and the signal that ends when its caller goes away. */
export interface IncomingRequest extends TransportRequest {
  readonly signal?: AbortSignal;
  /** Ends the call when it ends, as `signal` does: the Context of a caller in this process. */
  readonly until?: Context;
  /**
   * The Context that a server has read from the headers already. It is cancelled when the instance has no time left; the
   * server disposes it. Default: one is read from the headers.
   */
  readonly ctx?: ScopedContext;
}

/** A running service. Everything but sockets happens here, so that `single` and the simulator use it directly. */
export interface ServiceInstance extends Closeable, Upkeep {
  readonly name: string;
  /** What it was made of. */
  readonly definition: ServiceDefinition;
  readonly ports: ServicePorts;
  /** Checks the migrations, then starts the relay and the consumers. Idempotent. */
  start(): Promise<void>;
  /**
   * Answers one call. Never rejects: whatever goes wrong becomes a problem document. Headers are trusted (the edge has
   * stripped what came from outside). A request that states no time has 30 s. Answers 503 once closed.
   */
  handle(request: IncomingRequest): Promise<TransportResponse>;
  /**
   * Answers one call of a raw route. Never rejects. The call is under way, and waited for by `close`, until its Context
   * is disposed, which is to be done when the answer's body has ended. Answers 503 once closed.
   */
  route(call: RawCall): Promise<Response>;
  /** Whether its real dependencies answer; looked at afresh at most once a second. */
  ready(): Promise<Readiness>;
  /** The policies over its calls, as they are now. */
  policies(): readonly PolicyReport[];
  /** Stops being ready, and nothing else: calls are still answered, so that whoever balances load can notice. */
  drain(): void;
  /**
   * Stops being ready, lets calls and events under way finish within `graceMs`, aborts the rest (503), answers no more,
   * then stops the relay. What the ports gave (database, broker, telemetry) is left open: who creates, closes.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

import { leases, type Leases } from '@fairlead/store';
import { fail } from './errors.ts';
import type { ServicePorts } from './service-instance.ts';

/** The leases of a service's process, which nobody may ever ask for. */
export interface ProcessLeases {
  /**
   * Made when they are first asked for; asks nothing of the database.
   * @throws MISCONFIGURED when the service has no database; UNAVAILABLE once closed
   */
  get(): Leases;
  /** Ends what was begun with them, then gives them back. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** The leases of one instance of a service, over the connections that its ports have for them. */
export function processLeases(service: string, hasDatabase: boolean, ports: ServicePorts): ProcessLeases {
  const { clock, random, telemetry, instance } = ports;
  const database = hasDatabase ? (ports.leaseDatabase ?? ports.database) : undefined;
  let made: Leases | undefined;
  let closed = false;
  return {
    get() {
      if (database === undefined)
        throw fail('MISCONFIGURED', `${service} has no database. Add database: { migrations } to its definition.`);
      if (closed) throw fail('UNAVAILABLE', `This instance of ${service} has shut down; it holds no leases any more.`);
      return (made ??= leases({ database, holder: instance, clock, random, telemetry }));
    },
    async close(options) {
      closed = true;
      await made?.close(options);
    },
  };
}

import type { Contract } from '@fairlead/contract';
import type { ConfigShape } from './config.ts';
import type { ServiceDefinition } from './definition.ts';
import type { Uses } from './kit.ts';
import type { ServiceInstance, ServicePorts } from './service-instance.ts';

/**
 * Makes a service from its definition and the ports it may reach the world through.
 * @throws MISCONFIGURED with every wrong or missing configuration value at once, and for a missing port
 */
export declare function createService<C extends Contract, Config extends ConfigShape, U extends Uses>(
  definition: ServiceDefinition<C, Config, U>,
  ports: ServicePorts,
): ServiceInstance;

import type { Contract } from '@fairlead/contract';
import type { ConfigShape } from './config.ts';
import type { ServiceDefinition } from './definition.ts';
import type { Uses } from './kit.ts';

/**
 * Defines a service: `export default defineService({ contract, config, uses, database, operations, consumers })`.
 * Types flow from the contract, `config` and `uses` into the handlers; nothing is generated. The result is frozen, opens
 * nothing and reads nothing: `createService` does.
 * @throws MISCONFIGURED when the definition contradicts itself (a missing or unknown handler, consumers without a
 * database, an alias that `uses` doesn't have); the message names the service, the place and the nearest known name
 */
export function defineService<
  const C extends Contract,
  // An empty shape is what "no config" and "uses nothing" mean: any key is then unknown.
  // oxlint-disable-next-line typescript/no-empty-object-type
  Config extends ConfigShape = {},
  // oxlint-disable-next-line typescript/no-empty-object-type
  U extends Uses = {},
>(definition: ServiceDefinition<C, Config, U>): ServiceDefinition<C, Config, U> {
  return Object.freeze(definition);
}

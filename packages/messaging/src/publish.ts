import type { Contract, EventData } from '@fairlead/contract';
import type { Tx } from '@fairlead/store';

/**
 * Publishes an event of `contract` in the caller's transaction: validated, then appended to the log under its key.
 * It reaches the broker after the commit, and never without one. Resolves to the event's id.
 * @throws INVALID_OUTPUT when the data does not fit the contract
 */
export async function publish<C extends Contract, Type extends keyof NonNullable<C['events']> & string>(
  tx: Tx,
  contract: C,
  type: Type,
  data: EventData<C, Type>,
): Promise<string> {
  throw new Error(`not yet: ${tx.ctx.requestId} ${contract.name} ${type} ${typeof data}`);
}

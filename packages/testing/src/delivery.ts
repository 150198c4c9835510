import { encodeEvent, type Contract } from '@fairlead/contract';
import {
  FairleadError,
  formatTraceparent,
  newSpanId,
  uuidV7,
  type Clock,
  type Context,
  type Random,
} from '@fairlead/core';
import type { Broker } from '@fairlead/messaging';
import type { ServiceDefinition } from '@fairlead/service';
import { acrossTenants, type Database, type Row } from '@fairlead/store';

/** How often a test looks whether something has happened, in milliseconds. */
export const LOOK_EVERY_MS = 5;
/** How long it looks, in milliseconds. */
export const LOOK_FOR_MS = 10_000;

/** Whose consumer an event is for, and how it gets there. */
export interface DeliveryOptions {
  readonly definition: ServiceDefinition;
  readonly database: Database;
  /** The broker with the rights of the event's source. */
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Publishes an event as its source would, and waits for the consumer's commit.
 * @throws EVENT_NOT_CONSUMED when the definition has no handler for it
 * @throws EVENT_FAILED when the handler failed
 */
export async function deliver(
  ctx: Context,
  options: DeliveryOptions,
  alias: string,
  type: string,
  data: unknown,
): Promise<void> {
  const { definition, broker, database, clock } = options;
  const { name } = definition.contract;
  const source = definition.uses?.[alias];
  if (source === undefined || definition.consumers?.[alias]?.[type] === undefined) {
    throw new FairleadError(
      'internal',
      'EVENT_NOT_CONSUMED',
      `${name} has no handler for ${type} of ${alias}. Write consumers: { ${alias}: { '${type}': … } }.`,
    );
  }
  const position = (await broker.published(ctx, source.name)) + 1n;
  await broker.publish(ctx, source.name, [
    { ...encoded(source, type, data), ...envelope(ctx, options), position, source: source.name },
  ]);

  for (const giveUpAtMs = clock.monotonic() + LOOK_FOR_MS; clock.monotonic() < giveUpAtMs;) {
    const outcome = await outcomeOf(ctx, database, name, source.name, position);
    if (outcome.kind === 'handled') return;
    if (outcome.kind === 'failed') {
      throw new FairleadError('internal', 'EVENT_FAILED', `${name} failed to handle ${type}: ${outcome.reason}`, {
        details: { code: outcome.code },
      });
    }
    await clock.sleep(LOOK_EVERY_MS, ctx.signal);
  }
  throw new FairleadError(
    'deadline',
    'EVENT_FAILED',
    `${name} has not handled ${type} within ${LOOK_FOR_MS} ms; an event of its key that failed before may stand in its way.`,
  );
}

function encoded(source: Contract, type: string, data: unknown) {
  // Checked right here against the contract's own schema.
  const { key, data: carried, schemaVersion } = encodeEvent(source, type, data as never);
  return { type, key, data: carried, schemaVersion, stream: key };
}

function envelope(ctx: Context, { clock, random }: DeliveryOptions) {
  return {
    id: uuidV7({ clock, random }),
    version: 1,
    time: clock.now(),
    tenant: ctx.tenant,
    subject: ctx.caller.subject,
    traceparent: formatTraceparent({ ...ctx.trace, spanId: newSpanId(random) }),
    correlationId: ctx.correlationId,
    causationId: undefined,
    criticality: ctx.criticality,
  };
}

type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'handled' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

async function outcomeOf(
  ctx: Context,
  database: Database,
  consumer: string,
  source: string,
  position: bigint,
): Promise<Outcome> {
  const { rows } = await acrossTenants(database).query<
    Row & { settled: boolean; error_code: string | null; error_message: string | null; parked: boolean }
  >(
    ctx,
    `select coalesce(c.position >= $3::text::bigint, false)
         or exists (select from fairlead_inbox i where i.consumer = $1 and i.source = $2 and i.position = $3::text::bigint) as settled,
       p.id is not null as parked, p.error_code, p.error_message
     from (select 1) one
     left join fairlead_cursor c on c.consumer = $1 and c.source = $2
     left join fairlead_parked p on p.consumer = $1 and p.source = $2 and p.position = $3::text::bigint`,
    [consumer, source, position.toString()],
  );
  const row = rows[0];
  if (row?.parked === true && row.error_code !== null)
    return { kind: 'failed', code: row.error_code, reason: row.error_message ?? row.error_code };
  return { kind: row?.settled === true && !row.parked ? 'handled' : 'waiting' };
}

// Stores a release for later ones to upgrade from: `node --conditions=@fairlead/source test/upgrade/record.ts v0.2.0`.
// Run on the release's own code, once; docs/guides/upgrades.md says when.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readState } from '@fairlead/control';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { toCloudEvent, type CloudEvent, type PublishedEvent } from '@fairlead/messaging';
import { openDatabase } from '@fairlead/store';
import { customer, eventually, setFaults } from '../shop/customer.ts';
import { storedRelease, StoredShop, type StoredOrders } from './stored-shop.ts';

const version = process.argv[2];
if (version === undefined || !/^v\d+\.\d+\.\d+$/.test(version)) {
  console.error('Which release? node --conditions=@fairlead/source test/upgrade/record.ts v0.2.0');
  process.exit(2);
}
const folder = storedRelease(version);
if (existsSync(join(folder, 'orders.json'))) {
  console.error(`${version} is stored already. Remove ${folder} to record it again.`);
  process.exit(1);
}
await mkdir(folder, { recursive: true });

await using stored = await StoredShop.make();
const file = (name: string): string => join(folder, `${name}.backup`);
const backup = (name: string) => stored.databases((databases) => databases.backup(name, file(name)));

const orders = await stored.run(async (shop): Promise<StoredOrders> => {
  const ada = await customer(shop, 'acme', 'ada');
  const place = async (key: string, sku: string, card?: 'declined'): Promise<string> =>
    (await ada.place([{ sku, quantity: 2 }], key, card)).body.id;
  const confirmed = await place('stored-1', 'SHACKLE-8');
  await ada.ended(confirmed);
  const cancelled = await place('stored-2', 'KNIFE', 'declined');
  await ada.ended(cancelled);
  await setFaults(shop, { failNext: 1_000_000 });
  const waiting = await place('stored-3', 'BUOY-RED');
  await eventually(async () => {
    const { header } = await backup('payments');
    return header.tables.some(({ name, rows }) => name === 'fairlead_parked' && rows > 0) || undefined;
  }, 'payments to park the event');
  // Consumers before the broker, the producer last: what the one lacks, those after it have.
  for (const name of ['inventory', 'catalog', 'notifications', 'broker']) await backup(name);
  const fresh = await whileBrokerWaits(async () => {
    const id = await place('stored-4', 'PENNANT');
    await backup('orders');
    return id;
  });
  return { confirmed, cancelled, waiting, fresh };
});
await writeFile(join(folder, 'orders.json'), `${JSON.stringify(orders, undefined, 2)}\n`);
await writeFile(join(folder, 'messages.json'), `${JSON.stringify(await storedMessages(), undefined, 2)}\n`);
console.log(`Stored ${version} in ${folder}. Commit it.`);

/** Runs `work` while nothing reaches the broker: its table of events is locked. */
async function whileBrokerWaits<T>(work: () => Promise<T>): Promise<T> {
  const secret = join(stored.dataDir, 'secrets', 'database-passwords.json');
  const passwords = JSON.parse(await readFile(secret, 'utf8')) as Record<string, string>;
  const socketDir = join((await readState(stored.dataDir))?.socketDir ?? '', 'postgres');
  const url = `postgresql://broker_owner:${passwords['broker_owner']}@${encodeURIComponent(socketDir)}:5432/broker`;
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom() });
  await using broker = openDatabase({ url, name: 'broker', clock });
  return await broker.tx(ctx, async (tx) => {
    await tx.query('lock table fairlead_event in access exclusive mode');
    return work();
  });
}

/** The events of the broker's backup, as they cross the wire. */
async function storedMessages(): Promise<readonly CloudEvent[]> {
  const [first = '', ...lines] = (await readFile(file('broker'), 'utf8')).split('\n');
  // Written just now by backupDatabase.
  const header = JSON.parse(first) as { tables: { name: string; columns: string[] }[] };
  const columns = header.tables.find(({ name }) => name === 'fairlead_event')?.columns ?? [];
  const rows = lines.slice(
    0,
    lines.findIndex((line) => line.includes('"end":"public.fairlead_event"')),
  );
  return rows.map((line) => {
    const values = JSON.parse(line) as (string | null)[];
    return toCloudEvent(toEvent(Object.fromEntries(columns.map((name, index) => [name, values[index] ?? undefined]))));
  });
}

function toEvent(row: Readonly<Record<string, string | undefined>>): PublishedEvent {
  const { source = '', position = '', stream = '', version: at = '', id = '', type = '', key = '' } = row;
  return {
    source,
    position: BigInt(position),
    stream,
    version: Number(at),
    id,
    type,
    schemaVersion: Number(row['schema_version']),
    key,
    data: JSON.parse(row['data'] ?? 'null'),
    time: Date.parse(row['time'] ?? ''),
    tenant: row['tenant'],
    subject: row['subject'],
    traceparent: row['traceparent'] ?? '',
    correlationId: row['correlation_id'] ?? '',
    causationId: row['causation_id'],
    criticality: row['criticality'] === 'critical' ? 'critical' : 'default',
  };
}

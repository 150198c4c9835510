// Starts workflows whose second step never ends, says so, and waits to be killed. argv: the database, how many.

import { createContext, realClock, realRandom } from '@fairlead/core';
import { openDatabase } from '@fairlead/store';
import { shipping } from './shipments.ts';

const [, , url = '', count = '0'] = process.argv;
const clock = realClock();
const database = openDatabase({ url, name: 'doomed', clock, maxConnections: 10 });
const context = createContext({ clock, random: realRandom() });
const { running } = shipping(database, 3_600_000);
let next = 0;
const work = async () => {
  while (next < Number(count)) {
    const id = `shipment-${(next += 1)}`;
    await running.start(context, 'shipment', id, { id });
  }
};
await Promise.all(Array.from({ length: 32 }, work));
for (;;) {
  const { rows } = await database.query<{ done: string }>(
    context,
    `select count(*) as done from effect where step = 'reserve'`,
  );
  if (Number(rows[0]?.done) === Number(count)) break;
  await clock.sleep(20);
}
console.log('under way');

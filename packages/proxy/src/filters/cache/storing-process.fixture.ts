// Stores answers until it is killed, and tells its parent of each that is stored.
import { realClock } from '@fairlead/core';
import { DiskStore } from './disk-store.ts';
import { recordOfTest } from './stores.fixture.ts';

const [folder = '', round = ''] = process.argv.slice(2);
const store = new DiskStore({
  clock: realClock(),
  folder,
  maxBytes: 1024 * 1024 * 1024,
  maxObjectBytes: 1024 * 1024,
  failed: (error) => {
    throw error;
  },
});
await store.ready;

async function storeOne(index: number): Promise<void> {
  const letter = String.fromCharCode(97 + (index % 26));
  const bytes = 1_000 + (index % 7) * 50_000;
  const spool = store.begin(recordOfTest(`/${round}/${index}`, { tags: [letter] }), bytes);
  for (let at = 0; at < bytes; at += 1_000) spool?.append(Buffer.from(letter.repeat(Math.min(1_000, bytes - at))));
  if ((await spool?.commit()) !== undefined) process.send?.(index);
}

for (let index = 0; ; index += 8) {
  await Promise.all(Array.from({ length: 8 }, (_, at) => storeOne(index + at)));
}

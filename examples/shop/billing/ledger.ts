import { open, readFile } from 'node:fs/promises';

/** One line of the ledger: money that moved. */
export interface Entry {
  readonly key: string;
  readonly type: 'charge' | 'refund';
  readonly amountCents: number;
  readonly orderId: string;
}

/** Where the provider remembers what it did. */
export interface Ledger {
  readonly entries: readonly Entry[];
  /** Resolves when the entry is durable. A key is booked once: the entry that has it already is returned. */
  book(entry: Entry): Promise<Entry>;
}

/** A ledger that ends with the process. */
export function memoryLedger(): Ledger {
  return ledger([], async () => {});
}

/** A ledger in a file, a JSON object a line, each on the disk before it is acknowledged. */
export async function fileLedger(path: string): Promise<Ledger & AsyncDisposable> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const file = await open(path, 'a', 0o600);
  // A line torn by a crash was never acknowledged.
  await file.truncate(Buffer.byteLength(whole));
  // The file holds only what `book` wrote.
  const entries = whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry);
  const append = async (entry: Entry) => {
    await file.appendFile(`${JSON.stringify(entry)}\n`);
    await file.datasync();
  };
  return { ...ledger(entries, append), [Symbol.asyncDispose]: () => file.close() };
}

function ledger(entries: Entry[], append: (entry: Entry) => Promise<void>): Ledger {
  const booked = new Map(entries.map((entry) => [entry.key, Promise.resolve(entry)]));
  let tail: Promise<unknown> = Promise.resolve();
  return {
    entries,
    book(entry) {
      const earlier = booked.get(entry.key);
      if (earlier) return earlier;
      const done = tail.then(async () => {
        await append(entry);
        entries.push(entry);
        return entry;
      });
      booked.set(entry.key, done);
      tail = done.catch(() => booked.delete(entry.key));
      return done;
    },
  };
}

import type { Bench } from './bench.ts';

/** What a Context costs, against objects that carry the same facts and nothing else. */
const context: Bench = {
  name: 'context',
  rows: [
    { id: 'root', unit: 'ns/op', better: 'lower' },
    { id: 'derive', unit: 'ns/op', better: 'lower' },
    { id: 'scope', unit: 'ns/op', better: 'lower' },
    { id: 'encode-headers', unit: 'ns/op', better: 'lower' },
    { id: 'decode-headers', unit: 'ns/op', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/context.ts' },
  peers: [{ name: 'plain-object', file: './subjects/plain-object.ts' }],
};

/** How long `npm start` takes until the shop is ready, and how long Ctrl-C takes to end it. */
const start: Bench = {
  name: 'start',
  rows: [
    { id: 'fresh', unit: 's', better: 'lower' },
    { id: 'warm', unit: 's', better: 'lower', goal: 4 },
    { id: 'stop', unit: 's', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/start.ts' },
  peers: [],
  rounds: 3,
  timeoutMs: 180_000,
};

/** Every benchmark, by the name that the command takes. */
export const BENCHES: readonly Bench[] = [context, start];

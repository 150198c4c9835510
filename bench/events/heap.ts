// What is held in memory, after everything that can go has gone.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
// `as`: that is what the flag puts there.
const collect = runInNewContext('gc') as () => void;

/** MiB of heap and of buffers outside of it. */
export function heldMiB(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 ** 2;
}

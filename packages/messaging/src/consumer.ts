import type { Consumer, ConsumerOptions } from './consumer-options.ts';

/** Consumes the events of some sources, each effectively once, those of one key in order. */
export function startConsumer(options: ConsumerOptions): Consumer {
  throw new Error(`not yet: ${options.name}`);
}

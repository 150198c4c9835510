import { FairleadError, type Context } from '@fairlead/core';
import type { Broker, PublishedEvent } from '@fairlead/messaging';

/** A broker that lives in this process, as all its services see it. */
export interface MemoryBroker {
  /**
   * The broker with the rights of one service: it writes its own source and reads those of `reads`.
   * Closing it ends its watchers; what was published stays.
   */
  as(service: string, reads: readonly string[]): Broker;
}

/** Events of all sources in memory, for tests: it keeps everything and ends with the process. */
export function memoryBroker(): MemoryBroker {
  const logs = new Map<string, PublishedEvent[]>();
  const watchers = new Map<string, Set<() => void>>();
  const logOf = (source: string): PublishedEvent[] => {
    const log = logs.get(source) ?? [];
    logs.set(source, log);
    return log;
  };

  return {
    as(service, reads) {
      const own = new Set<() => void>();

      const owns = (ctx: Context, source: string): PublishedEvent[] => {
        ctx.throwIfAborted();
        if (source !== service) throw forbidden(service, 'write', source);
        return logOf(source);
      };

      const broker: Broker = {
        async published(ctx, source) {
          return owns(ctx, source).at(-1)?.position ?? 0n;
        },

        async publish(ctx, source, events) {
          const log = owns(ctx, source);
          const ordered = events.every(
            (event, index) => event.source === source && event.position > (events[index - 1]?.position ?? 0n),
          );
          if (!ordered) {
            throw new FairleadError(
              'internal',
              'UNORDERED_EVENTS',
              `Events for ${source} are another source's or out of order; publish a log as it is.`,
            );
          }
          const last = log.at(-1)?.position ?? 0n;
          log.push(...events.filter(({ position }) => position > last));
          for (const onEvents of watchers.get(source) ?? []) onEvents();
        },

        async read(ctx, source, { after, limit }) {
          ctx.throwIfAborted();
          if (source !== service && !reads.includes(source)) throw forbidden(service, 'read', source);
          return logOf(source)
            .filter(({ position }) => position > after)
            .slice(0, limit);
        },

        async watch(source, onEvents) {
          const all = watchers.get(source) ?? new Set();
          watchers.set(source, all);
          // A function of its own for each watcher, so that two with the same callback end apart.
          const tell = () => onEvents();
          const stop = () => void all.delete(tell);
          all.add(tell);
          own.add(stop);
          tell();
          const close = async () => {
            stop();
            own.delete(stop);
          };
          return { close, [Symbol.asyncDispose]: close };
        },

        async close() {
          for (const stop of own) stop();
          own.clear();
        },
        [Symbol.asyncDispose]: () => broker.close(),
      };
      return broker;
    },
  };
}

function forbidden(service: string, verb: string, source: string): FairleadError {
  return new FairleadError(
    'forbidden',
    'FORBIDDEN_SOURCE',
    `${service} may not ${verb} events of ${source}; a service writes its own and reads what it uses.`,
  );
}

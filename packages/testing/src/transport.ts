import {
  FairleadError,
  type Clock,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '@fairlead/core';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

/** What stands in for a provider outside the platform; `undefined` for an answer that never comes. */
export type ExternalProvider = (request: TransportRequest) => Promise<TransportResponse | undefined>;

/** Somebody who answers. */
export interface Callee {
  readonly answer: ExternalProvider;
  /** Its process; an external has none and never dies. */
  readonly process?: SimulatedProcess;
}

/** Who answers under a name right now: a live service or an external; `undefined` while it is down. */
export type Directory = (service: string) => Callee | undefined;

/** Calls of `from` over the simulated network: delayed, lost, refused while the callee is down; always as text. */
export function simulatedTransport(
  from: SimulatedProcess,
  directory: Directory,
  network: Network,
  clock: Clock,
  trace: Trace,
): Transport {
  const unavailable = (service: string, processed: 'no' | 'maybe') =>
    new FairleadError('unavailable', 'UNAVAILABLE', `${service} can't be reached from ${from.name}.`, {
      details: { processed },
    });

  async function exchange(request: TransportRequest): Promise<TransportResponse> {
    const { service } = request;
    trace.add(clock.now(), 'call', from.name, service, request.method, request.path, request.headers, request.body);
    await network.cross(from);
    if (network.loses(from.name, service, 'request')) throw unavailable(service, 'maybe');
    const callee = directory(service);
    if (!callee) throw unavailable(service, 'no');
    const response = await Promise.race([callee.answer(request), reset(callee)]);
    trace.add(clock.now(), 'answer', from.name, service, response?.status, response?.body);
    await network.cross(from);
    if (!response || network.loses(from.name, service, 'answer')) throw unavailable(service, 'maybe');
    return response;
  }

  /** The connection to a callee that is killed breaks; nobody waits for its answer until the deadline. */
  const reset = ({ process }: Callee) =>
    new Promise<never>((_resolve, reject) => {
      process?.onKill(() => reject(unavailable(process.name, 'maybe')));
    });

  return {
    send: (ctx, request) =>
      from.whileAlive(
        new Promise((resolve, reject) => {
          const abort = () => reject(ctx.signal.reason);
          if (ctx.signal.aborted) return abort();
          ctx.signal.addEventListener('abort', abort, { once: true });
          void exchange(request)
            .then(resolve, reject)
            .finally(() => ctx.signal.removeEventListener('abort', abort));
        }),
      ),
  };
}

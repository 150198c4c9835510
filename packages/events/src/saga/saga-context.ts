import { durationMs } from './duration.ts';
import { fail } from '../errors.ts';
import type { Execution } from './execution.ts';
import { plainJson } from './payload.ts';
import type { Exposed } from './run-body.ts';
import type { AnySaga, SagaContext, StepOptions, TransactionOptions } from './saga-types.ts';

/** What a saga's function is given: every call goes to the execution, what is shown to others to `exposed`. */
export function sagaContext(
  saga: AnySaga,
  execution: Execution,
  tenant: string | undefined,
  exposed: Exposed,
): SagaContext<never, never> {
  const { runId } = execution.facts;
  const place = `The saga ${saga.name}`;
  let children = 0;
  return {
    name: saga.name,
    runId,
    tenant,
    step: (name, work, { undo, retry, timeout }: StepOptions<never, never> = {}) =>
      execution.call(name, { kind: 'step', work, undo, retry, timeout }),
    transaction: (name, work, { undo, retry, timeout }: TransactionOptions<never, never, never> = {}) =>
      execution.call(name, { kind: 'transaction', work, undo, retry, timeout }),
    sleep: (duration, name = 'sleep') =>
      execution.call(name, { kind: 'sleep', delayMs: durationMs(duration, `${place}: sleep "${name}"`) }),
    signal: <Data>(name: string, options?: { readonly timeout: number | string }) =>
      execution.call<Data>(name, {
        kind: 'signal',
        // SagaDuration, by the interface.
        timeoutMs: options && durationMs(options.timeout as number, `${place}: timeout of the signal "${name}"`),
      }),
    child: (child, input, options = {}) => {
      children += 1;
      const id = options.id ?? `${runId}/${child.name}/${children}`;
      return execution.call(child.name, { kind: 'child', saga: child as AnySaga, input, id });
    },
    patch: (change) => execution.patch(change),
    now: () => execution.now(),
    random: () => execution.random(),
    id: () => execution.id(),
    expose(state) {
      exposed.state = plainJson(`${place}: what it exposes`, state, saga.options.maxPayloadBytes);
      exposed.changed = true;
    },
    attributes(values) {
      for (const [name, value] of Object.entries(values)) checkAttribute(place, name, value);
      Object.assign((exposed.attributes ??= {}), values);
      exposed.changed = true;
    },
  };
}

const MAX_ATTRIBUTE = 200;

function checkAttribute(place: string, name: string, value: unknown): void {
  for (const text of [name, value])
    if (typeof text !== 'string' || text === '' || text.length > MAX_ATTRIBUTE)
      throw fail(
        'SAGA_INVALID',
        `${place}: the attribute ${JSON.stringify(name)} is ${JSON.stringify(value)}; names and values are texts of 1 to ${MAX_ATTRIBUTE} characters.`,
      );
}

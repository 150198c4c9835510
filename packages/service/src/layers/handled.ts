import { encodeOutput, type Contract, type Operation, type Output } from '@fairlead/contract';
import type { ServiceDefinition } from '../definition.ts';
import { fail } from '../errors.ts';
import { jsonAnswer, type Answer, type Call, type Next } from '../exchange.ts';
import { presentable } from '../failure.ts';
import { commitTx, databaseOf, HandlerKit, type KitParts } from '../handler-kit.ts';
import type { Claim, IdempotencyRecords } from '../idempotency-records.ts';
import type { OperationKit, Uses } from '../kit.ts';
import type { ConfigShape } from '../config.ts';
import { withOpenTelemetry } from '@fairlead/telemetry/open-telemetry';

/** What becomes of a handler's one commit. */
type CommitState =
  | { readonly kind: 'unused' }
  | { readonly kind: 'open'; readonly done: Promise<unknown> }
  | { readonly kind: 'committed'; readonly answer: Answer };

/** The innermost step: runs the handler; its commit's answer, or else what it returns, is the answer. */
export function handled(definition: ServiceDefinition, parts: KitParts, records: IdempotencyRecords | undefined): Next {
  return async (call) => {
    const { ctx, operation } = call;
    const handler = definition.operations[operation.name];
    if (handler === undefined) throw fail('INTERNAL', `${operation.contract} has no handler for ${operation.name}.`);
    const run = new Run(parts, call, records);
    try {
      // `decoded` made the input by this operation's schema.
      const input = call.input as Parameters<typeof handler>[1];
      const returned = await withOpenTelemetry(ctx, () => handler(ctx, input, run.kit));
      const answer = run.answer(returned);
      return answer instanceof Promise ? await answer : answer;
    } catch (error) {
      const committed = run.committed();
      if (committed === undefined) throw presentable(error, operation, ctx);
      parts.log.error(ctx, `${operation.name} threw after its commit; the answer is what it committed`, { error });
      return committed;
    }
  };
}

/** One run of a handler. */
class Run {
  readonly kit: OperationKit<Contract, string, ConfigShape, Uses>;
  readonly #parts: KitParts;
  readonly #call: Call;
  readonly #records: IdempotencyRecords | undefined;
  #state: CommitState = { kind: 'unused' };

  constructor(parts: KitParts, call: Call, records: IdempotencyRecords | undefined) {
    this.#parts = parts;
    this.#call = call;
    this.#records = records;
    const commit: OperationKit<Contract, string, ConfigShape, Uses>['commit'] = (work, options) => {
      if (this.#state.kind !== 'unused') {
        return Promise.reject(
          fail('COMMIT_TWICE', `${call.operation.name} called kit.commit twice. Do all its writes in one call.`),
        );
      }
      const done = this.#commit(work, options);
      this.#state = { kind: 'open', done };
      return done;
    };
    this.kit = new HandlerKit(parts, call.ctx, call.operation.name, commit);
  }

  /** The answer that has been committed. */
  committed(): Answer | undefined {
    return this.#state.kind === 'committed' ? this.#state.answer : undefined;
  }

  /** The answer, once the handler has returned; at once where nothing is left to be written. */
  answer(returned: unknown): Answer | Promise<Answer> {
    const { claim, operation } = this.#call;
    if (this.#state.kind === 'unused' && claim === undefined) return answerOf(operation, returned);
    return this.#written(returned, claim);
  }

  async #written(returned: unknown, claim: Claim | undefined): Promise<Answer> {
    // A handler that does not wait for its commit is answered when the commit has happened all the same.
    if (this.#state.kind === 'open') await this.#state.done;
    const committed = this.committed();
    if (committed !== undefined) return committed;
    const { ctx, operation } = this.#call;
    const answer = answerOf(operation, returned);
    if (claim !== undefined && this.#records !== undefined) {
      const database = databaseOf(this.#parts);
      await this.#records.complete({ query: (text, params) => database.query(ctx, text, params) }, claim, answer);
    }
    return answer;
  }

  async #commit(
    work: Parameters<OperationKit<Contract, string, ConfigShape, Uses>['commit']>[0],
    options: Parameters<OperationKit<Contract, string, ConfigShape, Uses>['commit']>[1],
  ): Promise<Output<Operation>> {
    const { ctx, claim, operation } = this.#call;
    const { value, answer } = await databaseOf(this.#parts).tx(
      ctx,
      async (tx) => {
        const result = await work(commitTx(this.#parts, tx));
        const resultAnswer = answerOf(operation, result);
        if (claim !== undefined) await this.#records?.complete(tx, claim, resultAnswer);
        return { value: result, answer: resultAnswer };
      },
      options,
    );
    this.#state = { kind: 'committed', answer };
    return value;
  }
}

/** @throws INVALID_OUTPUT when the value does not fit the contract */
function answerOf(operation: Operation, value: unknown): Answer {
  // encodeOutput checks the value at run time, whatever its type.
  return jsonAnswer(operation.status, encodeOutput(operation, value as Output<Operation>));
}

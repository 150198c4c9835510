import { errorFromProblem, toProblem, type Clock, type FairleadError } from '@fairlead/core';
import type { Answer, Ask, GatewayProcesses, QuestionName, Told } from './gateway-question.ts';
import type { LocalGateway } from './local-gateway.ts';

/** One end of the channel between two processes: `process` in a worker, a `Worker` of `node:cluster` in the primary. */
export interface ChannelEnd {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
  send(message: object): unknown;
}

/** A process that can be asked. */
export interface Member {
  readonly pid: number;
  readonly channel: ChannelEnd;
}

interface Question {
  readonly type: 'admin-question';
  readonly id: number;
  readonly name: QuestionName;
  readonly ask: Ask<QuestionName>;
}

type Reply =
  | { readonly type: 'admin-answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'admin-answer'; readonly id: number; readonly status: number; readonly problem: object };

/** How long a process may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/** Has a process answer what the primary asks, until what is returned is called. */
export function answerPrimary(gateway: LocalGateway, channel: ChannelEnd): () => void {
  const onMessage = (message: unknown): void => {
    if (!isOf<Question>(message, 'admin-question')) return;
    const { id, name, ask } = message;
    gateway.answer(name, ask).then(
      (answer) => channel.send({ type: 'admin-answer', id, answer } satisfies Reply),
      (error: unknown) => {
        const problem = toProblem(error);
        channel.send({ type: 'admin-answer', id, status: problem.status, problem } satisfies Reply);
      },
    );
  };
  channel.on('message', onMessage);
  return () => void channel.off('message', onMessage);
}

/**
 * The processes that this one has started, each of which answers by `answerPrimary`. One that is silent for five seconds, or ends meanwhile, is
 * told of as silent.
 * @param members those that there are now
 */
export function manyProcesses(members: () => readonly Member[], clock: Clock): GatewayProcesses {
  let last = 0;
  return {
    async ask(name, ask) {
      const told = await Promise.all(members().map((member) => askOne(member, (last += 1), name, ask, clock)));
      const refusals = told.flatMap((each) => (each.kind === 'refused' ? [each.error] : []));
      const [refusal] = refusals;
      // What all of them refuse is refused.
      if (refusal !== undefined && refusals.length === told.length) throw refusal;
      return told.map((each) =>
        each.kind === 'refused' ? { kind: 'silent', pid: each.pid, why: each.error.message } : each,
      );
    },
  };
}

type AskedOne<Value> = Told<Value> | { readonly kind: 'refused'; readonly pid: number; readonly error: FairleadError };

function askOne<Name extends QuestionName>(
  { pid, channel }: Member,
  id: number,
  name: Name,
  ask: Ask<Name>,
  clock: Clock,
): Promise<AskedOne<Answer<Name>>> {
  return new Promise((resolve) => {
    const end = (outcome: AskedOne<Answer<Name>>): void => {
      late.cancel();
      channel.off('message', onMessage);
      resolve(outcome);
    };
    const onMessage = (message: unknown): void => {
      if (!isOf<Reply>(message, 'admin-answer') || message.id !== id) return;
      if ('problem' in message) end({ kind: 'refused', pid, error: errorFromProblem(message.problem, message.status) });
      // `as`: the answer to a question of this name.
      else end({ kind: 'told', pid, answer: message.answer as Answer<Name> });
    };
    const late = clock.setTimer(PATIENCE_MS, () => end({ kind: 'silent', pid, why: 'it did not answer in time' }));
    channel.on('message', onMessage);
    try {
      channel.send({ type: 'admin-question', id, name, ask } satisfies Question);
    } catch (error) {
      end({ kind: 'silent', pid, why: error instanceof Error ? error.message : String(error) });
    }
  });
}

function isOf<Message extends { readonly type: string }>(message: unknown, type: Message['type']): message is Message {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type;
}

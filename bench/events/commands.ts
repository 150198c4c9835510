// What every decider of the comparison is asked: charges and refunds of accounts, each a command that reads the account's
// stream, decides, and appends one event.

import { perSecond } from '../store/jobs.ts';

const ACCOUNTS = 200;
const WARM_UP = 400;
const COMMANDS = 4_000;
/** How many commands are under way. */
const AT_ONCE = 4;

/** What an account is asked. */
export type Command =
  | { readonly type: 'charge'; readonly amountCents: number }
  | { readonly type: 'refund'; readonly amountCents: number };

/** What happened to an account. */
export type Event =
  | { readonly type: 'charged'; readonly data: { readonly amountCents: number } }
  | { readonly type: 'refunded'; readonly data: { readonly amountCents: number } };

/** What is known of an account. */
export interface Account {
  readonly balanceCents: number;
}

/** An account that nothing has happened to. */
export const INITIAL: Account = { balanceCents: 0 };

/** @throws Error when more is refunded than was charged */
export function decide(command: Command, { balanceCents }: Account): Event {
  const { amountCents } = command;
  if (command.type === 'charge') return { type: 'charged', data: { amountCents } };
  if (amountCents > balanceCents) throw new Error(`${balanceCents} were charged, ${amountCents} can't be refunded`);
  return { type: 'refunded', data: { amountCents } };
}

/** The account after an event. */
export function evolve({ balanceCents }: Account, { type, data }: Event): Account {
  return { balanceCents: balanceCents + (type === 'charged' ? data.amountCents : -data.amountCents) };
}

/** Commands handled in a second, four at once, none of them for an account that is at work already. */
export async function measureCommands(
  handle: (account: string, command: Command) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const upTo = async (last: number) => {
    const work = async () => {
      while (next < last) {
        const index = (next += 1);
        const command = {
          type: Math.floor(index / ACCOUNTS) % 4 === 3 ? 'refund' : 'charge',
          amountCents: 100,
        } as const;
        await handle(`account-${index % ACCOUNTS}`, command);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  await upTo(WARM_UP);
  const startedAt = performance.now();
  await upTo(WARM_UP + COMMANDS);
  return perSecond(COMMANDS, startedAt);
}

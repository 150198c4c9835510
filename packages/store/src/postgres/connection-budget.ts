import { FairleadError } from '@fairlead/core';

/** How many connections the pools of a process may have together. */
export interface ConnectionBudget {
  readonly maxConnections: number;
  /** Connections that are open or being opened now. */
  readonly open: number;
  /** Lets a pool in: called by `openDatabase`. @throws MISCONFIGURED when what is reserved goes beyond the budget */
  join(member: BudgetMember): BudgetShare;
}

/** A pool, as a budget sees it. */
export interface BudgetMember {
  /** For the error. */
  readonly name: string;
  /** Connections that it can always have, whatever others do. */
  readonly reserved: number;
  /** Closes a connection that nobody uses; false when there is none. */
  giveIdle(): boolean;
  /** Told when there may be room for a connection that was refused. */
  onRoom(): void;
}

/** What a pool may have of a budget. */
export interface BudgetShare {
  /** Whether one more may be opened; if so it counts from now on. Otherwise the pool is told when there is room. */
  take(): boolean;
  /** One has been closed, or could not be opened. */
  give(): void;
  /** Whether another pool waits for what this one has beyond its reserve. */
  readonly isWantedElsewhere: boolean;
  leave(): void;
}

interface Member {
  readonly pool: BudgetMember;
  open: number;
  /** Whether it was told no and has not been told of room since. */
  refused: boolean;
}

/**
 * A bound that several databases of a process share (`openDatabase({ …, budget })`), so that their pools can each be as large
 * as their peak while the process stays within what the server has for it. What one pool has open without need is closed for
 * another; each keeps its reserve, so none starves.
 * @param options `maxConnections`: the most that may be open at once
 * @throws MISCONFIGURED for a number that is not whole and above 0
 */
export function connectionBudget(options: { readonly maxConnections: number }): ConnectionBudget {
  const { maxConnections } = options;
  if (!Number.isSafeInteger(maxConnections) || maxConnections < 1)
    throw misconfigured(`A budget of ${maxConnections} connections makes no sense; give a whole number from 1.`);
  /** In the order in which they were refused last. */
  const members = new Set<Member>();
  const total = (): number => sum(members, ({ open }) => open);

  /** What is open and what others could still ask of their reserves. */
  const spokenFor = (asking: Member): number =>
    sum(members, (each) => (each === asking ? each.open : Math.max(each.open, each.pool.reserved)));

  function take(member: Member): boolean {
    if (member.open < member.pool.reserved || spokenFor(member) < maxConnections) {
      member.open += 1;
      member.refused = false;
      return true;
    }
    member.refused = true;
    // Whoever asked last stands behind the others.
    members.delete(member);
    members.add(member);
    for (const other of members)
      if (other !== member && other.open > other.pool.reserved && other.pool.giveIdle()) break;
    return false;
  }

  function tell(): void {
    // A copy: who is refused again moves to the end.
    for (const member of members.values().toArray()) {
      if (!member.refused || spokenFor(member) >= maxConnections) continue;
      member.refused = false;
      member.pool.onRoom();
    }
  }

  return {
    maxConnections,
    get open() {
      return total();
    },
    join(joining) {
      const reserved = sum(members, (each) => each.pool.reserved) + joining.reserved;
      if (reserved > maxConnections)
        throw misconfigured(
          `${joining.name}: with its ${joining.reserved}, ${reserved} connections are reserved in a budget of ${maxConnections}. Raise the budget, or reserve fewer.`,
        );
      const member: Member = { pool: joining, open: 0, refused: false };
      members.add(member);
      return {
        take: () => take(member),
        give() {
          member.open -= 1;
          tell();
        },
        get isWantedElsewhere() {
          return member.open > member.pool.reserved && [...members].some((each) => each !== member && each.refused);
        },
        leave() {
          members.delete(member);
          tell();
        },
      };
    },
  };
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let result = 0;
  for (const item of items) result += of(item);
  return result;
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}

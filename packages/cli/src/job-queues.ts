import type { QueueState } from '@fairlead/control';
import { span } from './ago.ts';
import { oneLine, type Palette } from './colour.ts';
import { table } from './table.ts';

const HEAD = ['QUEUE', 'WAITING', 'FOR', 'RUNNING', 'LATER', 'BLOCKED', 'DEAD', ''];
/** Counts end there. */
const MOST = 100_000;

/** How far queues of jobs are behind; no line when there are none. */
export function jobQueues(queues: readonly QueueState[], colour: Palette): readonly string[] {
  if (queues.length === 0) return [];
  const rows = queues.map(({ service, queue, waiting, lagMs, running, later, blocked, dead, paused }) => [
    colour.strong(`${oneLine(service)} ${oneLine(queue)}`),
    count(waiting),
    Number(waiting) === 0 ? '' : span(Number(lagMs)),
    count(running),
    count(later),
    count(blocked),
    Number(dead) === 0 ? count(dead) : colour.bad(count(dead)),
    paused === true ? colour.waiting('paused') : '',
  ]);
  return table([HEAD.map(colour.faint), ...rows]);
}

function count(value: unknown): string {
  const number = Number(value);
  return number >= MOST ? `${MOST}+` : String(number);
}

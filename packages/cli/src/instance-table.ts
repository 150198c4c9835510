import type { InstanceKind, InstanceStatus } from '@fairlead/control';
import type { Palette } from './colour.ts';
import { stateWord } from './state-word.ts';
import { table } from './table.ts';

const ORDER: readonly InstanceKind[] = ['gateway', 'service', 'external', 'control', 'database'];

/** Instances in the order in which a person asks for them: the edge first, then by name. */
export function inOrder(instances: readonly InstanceStatus[]): readonly InstanceStatus[] {
  return instances.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));
}

/** The table of `up` and `status`. */
export function instanceTable(instances: readonly InstanceStatus[], colour: Palette): readonly string[] {
  const head = ['SERVICE', 'STATE', 'URL', 'RESTARTS'].map(colour.faint);
  const rows = inOrder(instances).map(({ name, state, url, restarts }) => [
    colour.strong(name),
    stateWord(state, colour),
    url ?? '',
    restarts > 0 ? colour.waiting(String(restarts)) : '0',
  ]);
  return table([head, ...rows]);
}

import type { InstanceState } from '@fairlead/control';
import type { Palette } from './colour.ts';

/** A state in its colour. */
export function stateWord(state: InstanceState, colour: Palette): string {
  if (state === 'ready') return colour.good(state);
  if (state === 'crash-loop') return colour.bad(state);
  return state === 'stopped' ? colour.faint(state) : colour.waiting(state);
}

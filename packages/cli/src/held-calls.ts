import type { PolicyAnswer } from '@fairlead/control';
import { oneLine, type Palette } from './colour.ts';
import { table } from './table.ts';

/** Which calls policies hold back now, and why; no line when they hold back none. */
export function heldCalls(policies: PolicyAnswer | undefined, colour: Palette): readonly string[] {
  const held = (policies?.items ?? []).flatMap(({ service, target, trouble }) =>
    trouble === undefined
      ? []
      : [[colour.strong(`${oneLine(service)} → ${oneLine(target)}`), colour.waiting(oneLine(trouble))]],
  );
  return held.length === 0 ? [] : table([['CALLS HELD BACK', 'WHY'].map(colour.faint), ...held]);
}

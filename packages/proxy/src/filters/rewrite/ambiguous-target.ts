import type { LocalAnswer } from '../../engine/filter.ts';

/** The answer to a request whose path would become one that two readers could understand differently. */
export function ambiguousTarget(reason: string): LocalAnswer {
  return {
    status: 400,
    cause: 'TARGET_AMBIGUOUS',
    detail: `The path would become one that is refused: ${reason}.`,
  };
}

import type { LocalAnswer } from '../../engine/filter.ts';
import { NEVER_KEPT, strictest, type Dependence } from './freshness.ts';
import type { PartResult } from './part-result.ts';
import type { Plan } from './plan.ts';
import { placed } from './shape.ts';

/** Whether parts are missing; always there, so that its absence means nothing. */
export const PARTIAL_FIELD = 'x-fairlead-partial';

/** How a whole is made of its parts. */
export interface Whole {
  readonly maxBytes: number;
  /** The member that says what is missing. */
  readonly partialAs: string;
  readonly dependence: Dependence;
}

/** The whole, when every part has ended and none that must be there has failed. */
export function composedAnswer(
  { parts }: Plan,
  results: ReadonlyMap<string, PartResult>,
  { maxBytes, partialAs, dependence }: Whole,
): LocalAnswer {
  let whole: unknown = {};
  const missing: [name: string, why: string][] = [];
  const fields = [];
  let first: LocalAnswer | undefined;
  for (const { name, at, instead } of parts) {
    const result = results.get(name);
    if (result === undefined) continue;
    if (result.kind === 'failed') {
      missing.push([name, result.answer.cause]);
      first ??= result.answer;
    } else fields.push(result.fields);
    const value = result.kind === 'value' ? result.value : instead;
    if (value !== undefined) whole = placed(whole, at, value);
  }
  // Nothing has come: that is no answer, even where nothing had to.
  if (first !== undefined && fields.length === 0) return first;
  const isPartial = missing.length > 0;
  const { cacheControl, vary } = isPartial ? NEVER_KEPT : strictest(fields, dependence);
  const text = JSON.stringify(marked(whole, partialAs, isPartial ? Object.fromEntries(missing) : undefined));
  const body = Buffer.from(text, 'utf8');
  if (body.length > maxBytes) {
    return {
      status: 502,
      cause: 'COMPOSITION_TOO_LARGE',
      detail: `The parts together have ${body.length} bytes; ${maxBytes} are allowed.`,
    };
  }
  return {
    status: 200,
    cause: isPartial ? 'PARTIAL' : 'COMPOSED',
    detail: isPartial ? 'Parts are missing.' : 'All parts are here.',
    fields: {
      'content-type': 'application/json',
      'cache-control': cacheControl,
      vary,
      [PARTIAL_FIELD]: String(isPartial),
    },
    body,
  };
}

/** The member that says what is missing is the composition's own, whatever parts call theirs. */
function marked(whole: unknown, name: string, missing: Readonly<Record<string, string>> | undefined): unknown {
  const own = Object.entries(Object(whole) as Readonly<Record<string, unknown>>).filter(([member]) => member !== name);
  return Object.fromEntries(missing === undefined ? own : [...own, [name, missing]]);
}

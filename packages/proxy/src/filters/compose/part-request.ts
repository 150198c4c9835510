import { pathFault } from '../../engine/passage-path.ts';
import type { Passage, SideRequest } from '../../engine/filter.ts';
import type { PlannedPart } from './plan.ts';
import { fillField, fillPath, fillQuery, type Filled, type Sources } from './template.ts';

/** Why a part can't be asked, and whose doing it is. */
export interface Unaskable {
  readonly whose: 'request' | 'part';
  readonly why: string;
}

/** A target that is longer is of nobody's making but an attacker's. */
const MOST_TARGET_BYTES = 8 * 1024;
/** A route without a limit has to end, too. */
const LONGEST_MS = 30_000;
/** At most so much of what is left is kept for the answer itself: so that a slow part isn't the end of those that have come. */
const KEPT_BACK_MS = 50;
/** Fields that say whence a request comes. */
export const WHENCE = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'];
const TIMEOUT_FIELD = 'x-fairlead-timeout-ms';

/** The request for a part; `forwarded` are fields of the client's that go on with it. */
export function partRequest(
  part: PlannedPart,
  sources: Sources,
  forwarded: readonly string[],
): SideRequest | Unaskable {
  const { passage } = sources;
  const path = fillPath(part.path, sources);
  if (path.kind !== 'text') return unaskable(path);
  const ambiguous = pathFault(path.text);
  if (ambiguous !== undefined)
    return { whose: culprit(part), why: `its path would be one that is refused: ${ambiguous}` };
  let target = path.text;
  for (const [name, template] of part.query) {
    const value = fillQuery(template, sources);
    if (isLeftOut(value)) continue;
    if (value.kind !== 'text') return unaskable(value);
    target += `${target.includes('?') ? '&' : '?'}${name}=${value.text}`;
  }
  if (target.length > MOST_TARGET_BYTES)
    return { whose: culprit(part), why: `its path and query would be longer than ${MOST_TARGET_BYTES} bytes` };
  const timeoutMs = timeoutOf(part, passage);
  const fields = new Map<string, string>([
    ['accept', 'application/json'],
    ['accept-encoding', 'identity'],
    ...whence(passage),
  ]);
  for (const name of forwarded) {
    const value = passage.fields.get(name);
    if (value !== undefined) fields.set(name, value);
  }
  for (const [name, value] of passage.upstreamEdits ?? []) {
    if (value === undefined) fields.delete(name);
    else fields.set(name, value);
  }
  for (const [name, template] of part.fields) {
    const value = fillField(template, sources);
    if (isLeftOut(value)) continue;
    if (value.kind !== 'text') return unaskable(value);
    fields.set(name, value.text);
  }
  // Whoever is told of the time that is left is told of the part's.
  if (fields.has(TIMEOUT_FIELD)) fields.set(TIMEOUT_FIELD, String(timeoutMs));
  return {
    cluster: part.cluster,
    method: part.method,
    target,
    fields: Object.fromEntries(fields),
    timeoutMs,
    maxBodyBytes: part.maxBytes,
    passage,
  };
}

/** Whence the request comes, as every request that goes on says it. */
function whence({ clientAddress, isTls, host }: Passage): readonly [string, string][] {
  return [
    ['x-forwarded-for', clientAddress === '' ? 'unknown' : clientAddress],
    ['x-forwarded-proto', isTls ? 'https' : 'http'],
    ...(host === '' ? [] : [['x-forwarded-host', host] satisfies [string, string]]),
  ];
}

/** A parameter or field of what the request does not have is left out. */
function isLeftOut(filled: Filled): boolean {
  return filled.kind === 'missing' && filled.whose === 'request';
}

function unaskable(filled: Exclude<Filled, { kind: 'text' }>): Unaskable {
  const { kind, whose, what } = filled;
  return { whose, why: kind === 'missing' ? `there is no ${what}` : `what ${what} holds can't be sent there` };
}

/** A path that went wrong is the doing of another part as soon as one has a say in it. */
function culprit({ path, query }: PlannedPart): 'request' | 'part' {
  const pieces = [path, ...query.map(([, value]) => value)].flat();
  return pieces.some((piece) => typeof piece !== 'string' && piece.from === 'part') ? 'part' : 'request';
}

function timeoutOf({ timeoutMs = LONGEST_MS }: PlannedPart, { leftMs }: Passage): number {
  if (leftMs === undefined) return timeoutMs;
  const kept = Math.min(KEPT_BACK_MS, leftMs / 10);
  return Math.max(1, Math.floor(Math.min(timeoutMs, leftMs - kept)));
}

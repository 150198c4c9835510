import { pointerSteps } from '../../match/json-pointer.ts';
import type { ComposeSpec, PartSpec } from './compose-spec.ts';
import { dependencies, waves } from './order.ts';
import type { Pick } from './shape.ts';
import { readTemplate, type Template } from './template.ts';

/** A part, ready to be asked. */
export interface PlannedPart {
  readonly name: string;
  readonly cluster: string;
  readonly method: 'GET' | 'HEAD';
  /** Those that must have ended before it is asked. */
  readonly after: ReadonlySet<string>;
  readonly path: Template;
  readonly query: readonly (readonly [name: string, value: Template])[];
  readonly fields: readonly (readonly [name: string, value: Template])[];
  /** In milliseconds; `undefined`: what the route has left. */
  readonly timeoutMs: number | undefined;
  readonly maxBytes: number;
  readonly pick: Pick;
  readonly at: readonly string[];
  readonly isRequired: boolean;
  /** What stands in its place when there is nothing; `undefined` leaves it out. */
  readonly instead: unknown;
  /** Those of its statuses that become the whole's. */
  readonly passes: ReadonlySet<number>;
}

/** A composition, with nothing left to be read. */
export interface Plan {
  /** As they were written, which is the order of members of the whole. */
  readonly parts: readonly PlannedPart[];
  /** Names of parts that can be asked at once, in the order of asking. */
  readonly waves: readonly (readonly string[])[];
  /** Fields of parts that are made of templates. */
  readonly madeFields: readonly string[];
  /** Fields of the request that stand in templates. */
  readonly askedBy: readonly string[];
  /** Whether something of who asks stands in a template. */
  readonly isPersonal: boolean;
}

const PASSES = [401, 403, 404, 410];
const PERSONAL = new Set(['claim', 'tenant', 'subject', 'consumer']);

/** Compiles what was written and checked. */
export function planOf({ parts }: ComposeSpec): Plan {
  const waiting = dependencies(parts);
  const planned = Object.entries(parts).map(([name, part]) => plannedPart(name, part, waiting.get(name) ?? new Set()));
  const sources = planned
    .flatMap(({ path, query, fields }) => [
      path,
      ...query.map(([, value]) => value),
      ...fields.map(([, value]) => value),
    ])
    .flat()
    .filter((piece) => typeof piece !== 'string');
  return {
    parts: planned,
    waves: waves(waiting),
    madeFields: planned.flatMap(({ fields }) => fields.map(([name]) => name)),
    askedBy: sources.flatMap((source) => (source.from === 'header' ? [source.name] : [])),
    isPersonal: sources.some(({ from }) => PERSONAL.has(from)),
  };
}

function plannedPart(name: string, part: PartSpec, after: ReadonlySet<string>): PlannedPart {
  const { to, method = 'GET', path, query = {}, headers = {}, timeout, maxBytes, at = `/${name}` } = part;
  return {
    name,
    cluster: to,
    method,
    after,
    path: templateOf(path),
    query: Object.entries(query).map(([key, text]) => [encodeURIComponent(key), templateOf(text)] as const),
    fields: Object.entries(headers).map(([key, text]) => [key, templateOf(text)] as const),
    timeoutMs: timeout,
    maxBytes,
    pick: pickOf(part.pick),
    at: stepsOf(at),
    isRequired: part.optional !== true && part.default === undefined,
    instead: part.default,
    passes: new Set(part.passes ?? PASSES),
  };
}

function pickOf(pick: PartSpec['pick']): Pick {
  if (pick === undefined || pick === '') return { kind: 'all' };
  if (typeof pick === 'string') return { kind: 'one', from: stepsOf(pick) };
  return {
    kind: 'several',
    members: Object.entries(pick).map(([to, from]) => ({ to: stepsOf(to), from: stepsOf(from) })),
  };
}

/** The form has refused what is no pointer, and no template. */
function stepsOf(pointer: string): readonly string[] {
  return pointerSteps(pointer) ?? [];
}
function templateOf(text: string): Template {
  const read = readTemplate(text);
  return 'fault' in read ? [] : read;
}

/** The plan in one sentence. */
export function planWords({ parts, waves: steps }: Plan): string {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const said = steps.map((names) =>
    names
      .flatMap((name) => {
        const part = byName.get(name);
        if (part === undefined) return [];
        const { cluster, isRequired, timeoutMs } = part;
        const notes = [...(isRequired ? [] : ['optional']), ...(timeoutMs === undefined ? [] : [`${timeoutMs} ms`])];
        return [`${name} from ${cluster}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`];
      })
      .join(' and '),
  );
  return `makes one answer of ${parts.length === 1 ? 'one part' : `${parts.length} parts`}: ${said.join(', then ')}`;
}

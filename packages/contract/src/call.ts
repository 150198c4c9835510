import { carriageOf, type Carriage } from './carriage.ts';
import { compiled } from './compiled.ts';
import { fail } from './errors.ts';
import type { CallInput, Input } from './inference.ts';
import { check, summarize, type Issue } from './issues.ts';
import type { Operation } from './operation.ts';
import { matchPath, segmentProblem, splitTarget } from './path-template.ts';
import { decodeComponent, formatQuery, fromText, parseQuery, queryFrom, type Query, type QueryLike } from './query.ts';
import { strictSchema } from './strict-schema.ts';

/** A call as it goes over the wire. */
export interface WireCall {
  /** Path and query, percent-encoded. */
  readonly path: string;
  /** JSON text; `undefined` for no body. */
  readonly body: string | undefined;
}

/** A call that somebody else's router has taken apart. */
export interface RoutedCall {
  /** Names in the path's braces, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Percent-decoded; a repeated name has a list. */
  readonly query: QueryLike;
  /** JSON text; `undefined` for no body. */
  readonly body: string | undefined;
}

const strictInput = compiled((operation: Operation) => strictSchema(operation.input));

/**
 * The call that carries `input`, as a server of the same contract reads it. Members that were left out stay out, so
 * that defaults are the server's and an older server is not told of members that it does not know.
 *
 * @throws INVALID_CALL when the input does not fit: a bug of the caller's code. `details.issues` says where
 */
export function encodeCall<Op extends Operation>(operation: Op, input: CallInput<Op>): WireCall {
  const place = placeOf(operation);
  const checked = check(strictInput(operation), input);
  if (checked.kind === 'unfit') throw unfitCall(place, checked.issues);
  const carriage = carriageOf(operation, place);
  // It fits the operation's input, which is an object.
  const given = input as Readonly<Record<string, unknown>>;

  const body = carriage.body && bodyOf(carriage.body, given);
  if (carriage.fixedPath !== undefined && carriage.query.size === 0) return { path: carriage.fixedPath, body };

  const issues: Issue[] = [];
  const path = carriage.segments.map((segment) => {
    if (segment.kind === 'text') return segment.text;
    const text = String(given[segment.name]);
    const why = segmentProblem(text);
    if (why !== undefined) issues.push({ path: `$.${segment.name}`, message: why });
    return why === undefined ? encodeURIComponent(text) : '';
  });
  const pairs = queryPairs(carriage, given);
  for (const [name, text] of pairs) {
    if (!text.isWellFormed())
      issues.push({ path: `$.${name}`, message: "holds half of a surrogate pair, which a URL can't carry" });
  }
  if (issues.length > 0) throw unfitCall(place, issues);

  const query = formatQuery(pairs);
  return {
    path: `/${path.join('/')}${query === '' ? '' : `?${query}`}`,
    body,
  };
}

/**
 * The input that a call carries, with defaults filled in. Strict: a member that the contract does not list is refused
 * wherever it stands, as is a query or body that the operation does not take, a scalar given twice and malformed
 * percent-encoding.
 *
 * @throws INVALID_INPUT with `details.issues`: `[{ path, message }]`, paths from the input's root, `$`
 */
export function decodeCall<Op extends Operation>(operation: Op, call: WireCall | RoutedCall): Input<Op> {
  const place = placeOf(operation);
  const carriage = carriageOf(operation, place);
  const issues: Issue[] = [];
  const routed = 'path' in call ? takeApart(carriage, call, issues) : { ...call, query: queryFrom(call.query) };

  const fromBody = readBody(operation, carriage, routed.body, issues);
  const bodyOnly = carriage.path.size === 0 && carriage.query.size === 0 && routed.query.size === 0;
  const raw = bodyOnly ? fromBody : gathered(operation, carriage, fromBody, routed, issues);
  if (issues.length > 0) throw unfitInput(place, issues);

  const checked = check(strictInput(operation), raw);
  if (checked.kind === 'unfit') throw unfitInput(place, checked.issues);
  // It came out of the operation's own input schema.
  return checked.value as Input<Op>;
}

/** The members from wherever they travelled, not yet checked. */
function gathered(
  operation: Operation,
  carriage: Carriage,
  fromBody: object,
  routed: { readonly params: RoutedCall['params']; readonly query: Query },
  issues: Issue[],
): object {
  for (const name of carriage.path.keys()) {
    if (Object.hasOwn(fromBody, name))
      issues.push({ path: `$.${name}`, message: 'comes from the path; leave it out of the body' });
  }
  const raw = new Map<string, unknown>(Object.entries(fromBody));
  for (const [name, value] of readQuery(operation, carriage, routed.query, issues)) raw.set(name, value);
  for (const [name, kind] of carriage.path) {
    const text = Object.hasOwn(routed.params, name) ? routed.params[name] : undefined;
    const why = text === undefined ? undefined : segmentProblem(text);
    if (why !== undefined) issues.push({ path: `$.${name}`, message: why });
    raw.set(name, text === undefined ? undefined : fromText(kind, text));
  }
  return Object.fromEntries(raw);
}

function bodyOf(names: readonly string[], given: Readonly<Record<string, unknown>>): string {
  const members: Record<string, unknown> = {};
  for (const name of names) members[name] = given[name];
  return JSON.stringify(members);
}

const NO_PARAMS: RoutedCall['params'] = Object.freeze({});
const NO_QUERY: Query = new Map();

function takeApart(carriage: Carriage, call: WireCall, issues: Issue[]) {
  if (call.path === carriage.fixedPath) return { params: NO_PARAMS, query: NO_QUERY, body: call.body };
  const { path, query: text } = splitTarget(call.path);
  const members = matchPath(carriage.segments, path);
  const params: Record<string, string> = {};
  if (!members) issues.push({ path: '$', message: "the path is not this operation's" });
  for (const [name, encoded] of members ?? []) {
    const decoded = decodeComponent(encoded);
    if (decoded === undefined) issues.push({ path: `$.${name}`, message: 'is malformed percent-encoding' });
    else params[name] = decoded;
  }
  const query = parseQuery(text);
  if (!query) issues.push({ path: '$', message: 'the query is malformed percent-encoding' });
  return { params, query: query ?? new Map<string, string[]>(), body: call.body };
}

function readBody(operation: Operation, carriage: Carriage, text: string | undefined, issues: Issue[]): object {
  if (text === undefined || text === '') return {};
  if (operation.method === 'GET' || operation.method === 'DELETE') {
    issues.push({ path: '$', message: `${operation.method} takes its input from path and query; send no body` });
    return {};
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    issues.push({ path: '$', message: 'the body is not JSON' });
    return {};
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  issues.push({ path: '$', message: 'the body is not a JSON object' });
  return {};
}

function readQuery(operation: Operation, carriage: Carriage, query: Query, issues: Issue[]): Map<string, unknown> {
  const members = new Map<string, unknown>();
  for (const [name, texts] of query) {
    const member = carriage.query.get(name);
    if (operation.method !== 'GET' && operation.method !== 'DELETE') {
      issues.push({ path: '$', message: `${operation.method} takes its input from path and body; send no query` });
      break;
    }
    if (carriage.path.has(name)) {
      issues.push({ path: `$.${name}`, message: 'comes from the path; leave it out of the query' });
      continue;
    }
    const values = member ? texts.map((text) => fromText(member.kind, text)) : texts;
    if (member?.repeated) members.set(name, values);
    else if (values.length === 1 || !member) members.set(name, values[0]);
    else issues.push({ path: `$.${name}`, message: `is given ${values.length} times; give it once` });
  }
  for (const [name, member] of carriage.query) {
    if (member.repeated && member.emptyWhenAbsent && !members.has(name)) members.set(name, []);
  }
  return members;
}

function queryPairs(
  carriage: Carriage,
  given: Readonly<Record<string, unknown>>,
): readonly (readonly [string, string])[] {
  return [...carriage.query.keys()].flatMap((name) => {
    const value = given[name];
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((item: unknown) => [name, String(item)] as const);
  });
}

function placeOf(operation: Operation): string {
  return `${operation.contract}.${operation.name}`;
}

function unfitInput(place: string, issues: readonly Issue[]): Error {
  return fail('INVALID_INPUT', `${place} can't take this input: ${summarize(issues)}.`, { details: { issues } });
}

function unfitCall(place: string, issues: readonly Issue[]): Error {
  return fail(
    'INVALID_CALL',
    `${place} was called with what its contract does not allow: ${summarize(issues)}. Correct the caller.`,
    {
      details: { issues },
    },
  );
}

import type { Identity, PassageFacts } from '../engine/filter.ts';
import { addressBlocks } from './address-blocks.ts';
import { pointerSteps, valueAt } from './json-pointer.ts';
import type { MatchSpec } from './match-spec.ts';
import { cookieValue, queryValue } from './request-values.ts';
import { namedRuleWords } from './telling-name.ts';
import { textTest, valueRuleWords, valueTest } from './text-rule.ts';
import { versionRuleWords, versionTest } from './version-rule.ts';

/** Something that must hold, beyond path and method. */
export interface Condition<Facts> {
  /** As a sentence without its end: `header x-version is "2"`. */
  readonly words: string;
  test(facts: Facts): boolean;
}

/** The conditions of a match, by when they can be told. */
export interface Conditions {
  readonly early: readonly Condition<PassageFacts>[];
  readonly identity: readonly Condition<Identity | null>[];
  readonly body: readonly Condition<{ readonly value: unknown } | null>[];
  /** So many of them are about headers, query parameters, and anything else: what precedence goes by. */
  readonly counts: { readonly headers: number; readonly query: number; readonly others: number };
}

const NO_CONDITIONS: Conditions = { early: [], identity: [], body: [], counts: { headers: 0, query: 0, others: 0 } };
const NONE_OF_THEM = new Set(['path', 'methods']);

/** Makes the conditions of a match, cheap ones first. */
export function conditionsOf(spec: MatchSpec): Conditions {
  // Most matches have none, and share that.
  if (!hasConditions(spec)) return NO_CONDITIONS;
  const headers = [...headerConditions(spec), ...grpcConditions(spec), ...versionConditions(spec)];
  const query = Object.entries(spec.query ?? {}).map(([name, rule]) => {
    const fits = textTest(rule);
    return condition(`query parameter ${name} ${namedRuleWords(name, rule)}`, (facts) =>
      fits(queryValue(facts.query, name)),
    );
  });
  const others = [...clientConditions(spec), ...cookieConditions(spec)];
  const identity = identityConditions(spec);
  const body = bodyConditions(spec);
  return {
    early: [...headers, ...query, ...others],
    identity,
    body,
    counts: {
      headers: headers.length,
      query: query.length,
      others: others.length + identity.length + body.length,
    },
  };
}

function hasConditions(spec: MatchSpec): boolean {
  for (const member in spec) if (!NONE_OF_THEM.has(member)) return true;
  return false;
}

function condition(words: string, test: (facts: PassageFacts) => boolean): Condition<PassageFacts> {
  return { words, test };
}

function headerConditions(spec: MatchSpec): Condition<PassageFacts>[] {
  return Object.entries(spec.headers ?? {}).map(([name, rule]) => {
    const fits = textTest(rule);
    return condition(`header ${name} ${namedRuleWords(name, rule)}`, ({ fields }) => fits(fields.get(name)));
  });
}

function grpcConditions(spec: MatchSpec): Condition<PassageFacts>[] {
  if (spec.grpc === undefined) return [];
  const isGrpc = (type: string | undefined) => type !== undefined && /^application\/grpc(?:[+;]|$)/.test(type);
  return [condition('it is a gRPC call', ({ fields }) => isGrpc(fields.get('content-type')))];
}

function versionConditions({ version }: MatchSpec): Condition<PassageFacts>[] {
  return version === undefined ? [] : [condition(versionRuleWords(version), versionTest(version))];
}

function clientConditions({ clients }: MatchSpec): Condition<PassageFacts>[] {
  if (clients === undefined) return [];
  const blocks = addressBlocks(clients);
  return [condition(`the client's address is in ${clients.join(', ')}`, (facts) => blocks.has(facts.clientAddress))];
}

function cookieConditions(spec: MatchSpec): Condition<PassageFacts>[] {
  return Object.entries(spec.cookies ?? {}).map(([name, rule]) => {
    const fits = textTest(rule);
    const words = `cookie ${name} ${namedRuleWords(name, rule)}`;
    return condition(words, ({ fields }) => fits(cookieValue(fields.get('cookie'), name)));
  });
}

function identityConditions(spec: MatchSpec): Condition<Identity | null>[] {
  return Object.entries(spec.claims ?? {}).map(([name, rule]) => {
    const fits = valueTest(rule);
    const steps = name.split('.');
    return {
      words: `claim ${name} ${valueRuleWords(rule)}`,
      test: (identity) => fits(identity === null ? undefined : claimOf(identity, name, steps)),
    };
  });
}

/** A claim by its whole name, which may have dots in it (`https://example.com/plan`), else by the steps between them. */
function claimOf({ claims }: Identity, name: string, steps: readonly string[]): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : valueAt(claims, steps);
}

function bodyConditions(spec: MatchSpec): Conditions['body'][number][] {
  return Object.entries(spec.body ?? {}).map(([pointer, rule]) => {
    const steps = pointerSteps(pointer);
    if (steps === undefined) throw new RangeError(`${JSON.stringify(pointer)} is no JSON pointer; write /type`);
    const fits = valueTest(rule);
    return {
      words: `body ${pointer === '' ? '(whole)' : pointer} ${valueRuleWords(rule)}`,
      test: (body) => body !== null && fits(valueAt(body.value, steps)),
    };
  });
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { compiled } from './compiled.ts';
import { check } from './issues.ts';
import { strictSchema } from './strict-schema.ts';
import { tolerantSchema } from './tolerant-schema.ts';

/** A schema, and values that mostly fit it. */
interface Case {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<unknown>;
}

const NAMES = ['a', 'b', 'kind', '__proto__', 'constructor', 'toString', '0', ''];
const name = fc.constantFrom(...NAMES);
const memberName = name.filter((each) => each !== '__proto__');
/** Anything that JSON carries, and what only code can hand over. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(undefined, Number.NaN, Infinity, -0, 1n, new Date(0), new Map(), [undefined], Object.create(null)),
  fc.dictionary(name, fc.jsonValue({ maxDepth: 1 })),
);

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('abc', 'é', '😀', ' ', 'ABC1'));
const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.record({ min: fc.nat(3), more: fc.nat(8) }).map(({ min, more }) => ({
    schema: z
      .string()
      .min(min)
      .max(min + more),
    value: text,
  })),
  fc.constantFrom<Case>(
    { schema: z.string().regex(/^[a-z]+$/), value: text },
    { schema: z.string().startsWith('a').endsWith('c').includes('b'), value: text },
    { schema: z.string().trim(), value: text },
    { schema: z.string().toLowerCase(), value: text },
    { schema: z.uuid(), value: fc.uuid() },
    { schema: z.email(), value: fc.emailAddress() },
    { schema: z.url(), value: fc.webUrl() },
    { schema: z.iso.datetime(), value: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()) },
    { schema: z.boolean(), value: fc.boolean() },
    { schema: z.null(), value: fc.constant(null) },
    { schema: z.enum(['a', 'b', 'c']), value: fc.constantFrom('a', 'b', 'c', 'd') },
    { schema: z.literal([1, 'x', true, null]), value: fc.constantFrom(1, 'x', true, null, 2) },
    { schema: z.number(), value: fc.double() },
    { schema: z.int(), value: fc.integer() },
    { schema: z.int32(), value: fc.double() },
    { schema: z.number().gt(-10).lt(10).multipleOf(0.5), value: fc.integer({ min: -30, max: 30 }).map((n) => n / 2) },
    { schema: z.string().refine((each) => each.length !== 2), value: text },
    { schema: z.templateLiteral(['n-', z.int()]), value: fc.integer().map((n) => `n-${n}`) },
    { schema: z.json(), value: fc.jsonValue({ maxDepth: 2 }) },
  ),
);

const { any: schemas } = fc.letrec<{ any: Case; wrapped: Case; object: Case }>((tie) => ({
  any: fc.oneof({ maxDepth: 4, depthIdentifier: 'schema' }, leaf, tie('wrapped'), tie('object')),
  wrapped: fc.oneof(
    tie('any').map(({ schema, value }) => ({ schema: schema.nullable(), value: fc.option(value) })),
    fc.record({ inner: tie('any'), most: fc.nat(4) }).map(({ inner, most }) => ({
      schema: z.array(inner.schema).max(most),
      value: fc.array(inner.value, { maxLength: most + 1 }),
    })),
    fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map((items) => ({
      schema: z.tuple(items.map((item) => item.schema) as [z.ZodType]),
      value: fc.tuple(...items.map((item) => item.value)),
    })),
    tie('any').map(({ schema, value }) => ({
      schema: z.record(z.string(), schema),
      value: fc.dictionary(name, value),
    })),
    tie('any').map(({ schema, value }) => ({
      schema: z.record(z.enum(['a', 'b']), schema),
      value: fc.record({ a: value, b: value }),
    })),
    fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map((options) => ({
      schema: z.union(options.map((option) => option.schema)),
      value: fc.oneof(...options.map((option) => option.value)),
    })),
    fc.tuple(tie('object'), tie('object')).map(([first, second]) => ({
      schema: z.discriminatedUnion('kind', [kindOf(first, 'first'), kindOf(second, 'second')]),
      value: fc.oneof(
        first.value.map((value) => ({ ...(value as object), kind: 'first' })),
        second.value.map((value) => ({ ...(value as object), kind: 'second' })),
      ),
    })),
  ),
  object: fc
    .record({
      members: fc.uniqueArray(fc.record({ name: memberName, of: tie('any'), presence: fc.nat(4) }), {
        selector: (member) => member.name,
        maxLength: 5,
      }),
      open: fc.boolean(),
    })
    .map(({ members, open }) => {
      const shape = Object.fromEntries(
        members.map(({ name: of, of: { schema }, presence }) => [of, present(schema, presence)]),
      );
      const object = z.object(shape);
      const given = Object.fromEntries(members.map(({ name: of, of: { value } }) => [of, value]));
      const needed = members.filter(({ presence }) => presence < 2).map(({ name: of }) => of);
      return {
        schema: open ? object.catchall(z.number()) : object,
        value: fc.record(given, { requiredKeys: needed }),
      };
    }),
}));

function present(schema: z.ZodType, presence: number): z.ZodType {
  if (presence === 2) return schema.optional();
  const fits = schema.safeParse('abc');
  if (presence === 3 && fits.success) return schema.default('abc');
  if (presence === 4 && fits.success) return schema.prefault('abc');
  return presence === 1 ? schema.readonly() : schema;
}

function kindOf(of: Case, kind: string): z.ZodObject {
  // The rule makes nothing but objects.
  return (of.schema as z.ZodObject).safeExtend({ kind: z.literal(kind) });
}

/** Fits, nearly fits, or is anything. */
function valuesOf({ value }: Case): fc.Arbitrary<unknown> {
  const nearly = fc.tuple(value, anything, fc.nat(7)).map(([fitting, other, where]) => {
    if (typeof fitting !== 'object' || fitting === null) return other;
    const keys = [...Object.keys(fitting), 'extra', '__proto__'];
    const at = keys[where % keys.length] ?? 'extra';
    const copy = Array.isArray(fitting) ? [...(fitting as unknown[])] : { ...fitting };
    return Object.defineProperty(copy, at, { value: other, enumerable: true, configurable: true, writable: true });
  });
  return fc.oneof(
    { weight: 3, arbitrary: value },
    { weight: 2, arbitrary: nearly },
    { weight: 1, arbitrary: anything },
  );
}

const READINGS = { strict: strictSchema, tolerant: tolerantSchema, asWritten: (schema: z.core.SomeType) => schema };

test('compiled and not, a schema says the same of every value', () => {
  const verdicts = { fits: 0, unfit: 0 };
  const samples = schemas.chain((each) => fc.tuple(fc.constant(each.schema), valuesOf(each)));
  fc.assert(
    fc.property(samples, fc.constantFrom('strict', 'tolerant', 'asWritten'), ([schema, value], reading) => {
      const plain = READINGS[reading](schema);
      const expected = check(plain, value);
      verdicts[expected.kind] += 1;
      const actual = check(compiled(() => plain)({}), value);
      expect(shown(actual)).toBe(shown(expected));
    }),
    { numRuns: 1_000 },
  );
  // Values of which all or none fit would prove nothing.
  expect(verdicts.fits).toBeGreaterThan(100);
  expect(verdicts.unfit).toBeGreaterThan(100);
});

test('what fits is not run through the uncompiled schema', () => {
  const schema = z.object({ a: z.string(), list: z.array(z.object({ b: z.int() })) });
  const strict = strictSchema(schema);
  let plainRuns = 0;
  const run = strict._zod.run;
  strict._zod.run = (payload, ctx) => {
    plainRuns += 1;
    return run(payload, ctx);
  };
  const reader = compiled(() => strict)({});
  expect(check(reader, { a: 'x', list: [{ b: 1 }] })).toEqual({ kind: 'fits', value: { a: 'x', list: [{ b: 1 }] } });
  expect(plainRuns).toBe(0);
  expect(check(reader, { a: 'x', list: [{ b: 1, c: 2 }] })).toMatchObject({ issues: [{ path: '$.list[0].c' }] });
  expect(plainRuns).toBe(1);
});

test('a schema that refers to itself is read as before', () => {
  const tree: z.ZodType = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));
  const reader = compiled(() => strictSchema(tree))({});
  const value = { name: 'root', children: [{ name: 'leaf', children: [] }] };
  expect(check(reader, value)).toEqual({ kind: 'fits', value });
  expect(check(reader, { name: 'root', children: [{ name: 1, children: [] }] }).kind).toBe('unfit');
});

/** With the order of members, undefined ones, and what JSON has not. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join()}]`;
  if (typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`;
  return `{${Reflect.ownKeys(value)
    .map((key) => `${String(key)}:${shown(Reflect.get(value, key))}`)
    .join()}}`;
}

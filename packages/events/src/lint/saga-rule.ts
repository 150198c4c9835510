/** A node of a syntax tree as ESTree has it. */
export interface SyntaxNode {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** What a rule needs of its linter: ESLint's and oxlint's have it. */
export interface RuleContext {
  report(found: { readonly node: SyntaxNode; readonly message: string }): void;
}

/** What comes out differently when a saga's function is run again, by object and member, and what to write. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Date: { now: 's.now()' },
  Math: { random: 's.random()' },
  crypto: { randomUUID: 's.id()', getRandomValues: 's.random()' },
  performance: { now: 's.now()' },
};
const FUNCTIONS: Readonly<Record<string, string>> = {
  fetch: 's.step(…)',
  setTimeout: 's.sleep(…)',
  setInterval: 's.sleep(…)',
  setImmediate: 's.sleep(…)',
};
/** What an `s` is asked to do with functions that may do everything. */
const EFFECTS: ReadonlySet<unknown> = new Set(['step', 'transaction']);

/**
 * Finds what the function of a saga must not do by itself: time, chance, timers and the network, outside of its steps,
 * transactions and their undos. Looks at functions that are written in the call of `saga`, not at what those call.
 */
export const sagaRule = {
  meta: { type: 'problem', docs: { description: 'What a saga does by itself is the same whenever it is run again' } },
  create: (context: RuleContext) => ({
    CallExpression(node: SyntaxNode): void {
      const [, written] = argumentsOf(node);
      if (named(node['callee']) !== 'saga' || written === undefined || !isFunction(written)) return;
      const [s] = listOf(written['params']);
      look(context, written['body'], named(s));
    },
  }),
};

/** Looks at a node and all below it; `s` is what the function calls its context. */
function look(context: RuleContext, value: unknown, s: string | undefined): void {
  if (Array.isArray(value)) for (const each of value) look(context, each, s);
  if (!isNode(value)) return;
  const instead = insteadOf(value);
  if (instead !== undefined)
    context.report({
      node: value,
      message: `A saga's function is run again after a crash, and this comes out differently then. Write ${instead}, or do it in a step.`,
    });
  const effect = isEffect(value, s);
  for (const [member, below] of Object.entries(value)) {
    if (member === 'parent' || (effect && member === 'arguments')) continue;
    look(context, below, s);
  }
}

/** Whether it is a call of `s` whose arguments are done once. */
function isEffect(node: SyntaxNode, s: string | undefined): boolean {
  const { callee } = node;
  if (node.type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return false;
  return s !== undefined && named(callee['object']) === s && EFFECTS.has(named(callee['property']));
}

function insteadOf(node: SyntaxNode): string | undefined {
  if (node.type === 'NewExpression' && named(node['callee']) === 'Date' && argumentsOf(node).length === 0)
    return 'new Date(s.now())';
  if (node.type === 'CallExpression') return own(FUNCTIONS, named(node['callee']));
  if (node.type !== 'MemberExpression' || node['computed'] === true) return undefined;
  return own(own(MEMBERS, named(node['object'])) ?? {}, named(node['property']));
}

function own<T>(table: Readonly<Record<string, T>>, name: string | undefined): T | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

function isFunction({ type }: SyntaxNode): boolean {
  return type === 'ArrowFunctionExpression' || type === 'FunctionExpression';
}

function named(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Identifier' && typeof value['name'] === 'string' ? value['name'] : undefined;
}

function argumentsOf(node: SyntaxNode): readonly SyntaxNode[] {
  return listOf(node['arguments']);
}

function listOf(value: unknown): readonly SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

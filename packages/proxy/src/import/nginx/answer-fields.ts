import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { timeMs } from './units.ts';
import { template, type Known } from './variables.ts';
import type { Origins, WrittenFilter } from './written.ts';

const ALWAYS_MS = 315_360_000_000;

/** Fields of answers that are what a service has said: by name, its name. */
export interface ToldFields {
  readonly filters: readonly WrittenFilter[];
  readonly ofService: Readonly<Record<string, string>>;
}

/** `add_header`, `proxy_hide_header` and `expires` of a block, each inherited as a whole. */
export function toldFields(
  scope: Scope,
  known: Known,
  said: ReadonlyMap<string, string>,
  { problems, origins }: { readonly problems: NginxProblems; readonly origins: Origins },
): ToldFields {
  const always = new Appended();
  const success = new Appended();
  const ofService: Record<string, string> = {};
  const added = scope.level('add_header');
  for (const directive of added) {
    const [field = '', value = '', mode, ...more] = directive.words;
    const name = field.toLowerCase();
    if (field === '' || more.length > 0 || (mode !== undefined && mode !== 'always')) {
      problems.refuse(directive, 'takes a name, a value, and always or nothing');
      continue;
    }
    const its = said.get(/^\$\{?(\w+)\}?$/.exec(value)?.[1] ?? '');
    if (its !== undefined) {
      ofService[name] = its;
      if (mode !== 'always') problems.note(directive, 'what the service says is told to those, too, whom it refuses');
      continue;
    }
    if (/^\$upstream_(?:http_|cache_status|status|addr|response_time)/.test(value)) {
      problems.note(
        directive,
        `${value} is not told; Cache-Status, the filter server-timing and the access line say such things here`,
      );
      continue;
    }
    const read = template(value, known);
    if ('fault' in read) problems.refuse(directive, read.fault);
    else if (read.text !== '') (mode === 'always' ? always : success).add(name, read.text);
  }
  const remove = scope.level('proxy_hide_header').map(({ words: [name = ''] }) => name.toLowerCase());
  const [first] = [...added, ...scope.level('proxy_hide_header')];
  const filters = [
    ...(remove.length === 0 ? [] : [{ type: 'headers', answer: { remove } }]),
    ...always.filters('all'),
    ...success.filters('success'),
  ];
  return {
    filters: [
      ...expiresFilters(scope, problems),
      ...(first === undefined ? filters : filters.map((filter) => origins.from(first, filter))),
    ],
    ofService,
  };
}

/** Lines by name; one stands for itself, several are a list. */
class Appended {
  readonly #lines = new Map<string, string[]>();

  add(name: string, value: string): void {
    const there = this.#lines.get(name);
    if (there === undefined) this.#lines.set(name, [value]);
    else there.push(value);
  }

  filters(on: 'all' | 'success'): readonly WrittenFilter[] {
    if (this.#lines.size === 0) return [];
    const append = Object.fromEntries(
      [...this.#lines].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
    );
    const omitEmpty = [...this.#lines.values()].flat().some((value) => value.includes('{')) ? { omitEmpty: true } : {};
    return [{ type: 'headers', answer: { append, ...omitEmpty, ...(on === 'all' ? {} : { on }) } }];
  }
}

function expiresFilters(scope: Scope, problems: NginxProblems): readonly WrittenFilter[] {
  const directive = scope.nearest('expires');
  const [text = 'off', ...more] = directive?.words ?? [];
  if (directive === undefined || text === 'off') return [];
  const ageMs = text === 'max' ? ALWAYS_MS : text === 'epoch' || text.startsWith('-') ? -1 : timeMs(text);
  if (ageMs === undefined || more.length > 0) {
    problems.refuse(
      directive,
      `has ${directive.words.join(' ')}, which is not known here; write a time, max, epoch or off`,
    );
    return [];
  }
  problems.note(directive, 'Cache-Control says it; Expires, which it stands in place of, is not written');
  const control = ageMs < 0 ? 'no-cache' : `max-age=${ageMs / 1_000}`;
  return [{ type: 'headers', answer: { set: { 'cache-control': control }, remove: ['expires'], on: 'success' } }];
}

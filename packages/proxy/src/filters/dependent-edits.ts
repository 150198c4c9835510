import type { AnswerHead, Passage, Revision } from '../engine/filter.ts';
import { readFieldTemplate, type FieldValue } from './field-template.ts';

type Pairs = readonly (readonly [field: string, value: FieldValue])[];
/** What is to be said of a field; `undefined` leaves it out. */
type Fields = Record<string, string | undefined>;

/** Edits of fields that hang on what comes: as written down. */
export interface DependentSpec {
  readonly remove?: readonly string[] | undefined;
  readonly rename?: Readonly<Record<string, string>> | undefined;
  readonly replace?: Readonly<Record<string, string>> | undefined;
  readonly default?: Readonly<Record<string, string>> | undefined;
}

/** Edits of fields that hang on what comes, in this order: renamed, replaced where they are, filled in where they are not. */
export class DependentEdits {
  readonly #removed: readonly string[];
  readonly #renamed: readonly (readonly [from: string, to: string])[];
  readonly #replaced: Pairs;
  readonly #defaults: Pairs;

  private constructor({ remove = [], rename = {}, replace = {}, default: fallback = {} }: DependentSpec) {
    this.#removed = remove;
    this.#renamed = Object.entries(rename).filter(([from, to]) => from !== to);
    this.#replaced = read(replace);
    this.#defaults = read(fallback);
  }

  /** `undefined` when there are none. */
  static of(spec: DependentSpec | undefined): DependentEdits | undefined {
    const { rename, replace, default: fallback } = spec ?? {};
    if (spec === undefined || (rename === undefined && replace === undefined && fallback === undefined))
      return undefined;
    return new DependentEdits(spec);
  }

  /** Edits the request that goes on, as filters before have left it. */
  ask(passage: Passage): void {
    const { upstreamEdits, fields } = passage;
    const edits = this.#edits(passage, (name) =>
      upstreamEdits?.has(name) === true ? upstreamEdits.get(name) : fields.get(name),
    );
    for (const [name, value] of Object.entries(edits)) passage.setUpstream(name, value);
  }

  /** Edits an answer. */
  tell(passage: Passage, { fields }: AnswerHead): Revision {
    return { fields: this.#edits(passage, (name) => fields.get(name)) };
  }

  #edits(passage: Passage, comes: (name: string) => string | undefined): Fields {
    const edits: Fields = {};
    for (const name of this.#removed) edits[name] = undefined;
    const valueOf = (name: string): string | undefined => (Object.hasOwn(edits, name) ? edits[name] : comes(name));
    for (const [from, to] of this.#renamed) {
      const value = valueOf(from);
      if (value === undefined) continue;
      edits[to] = value;
      edits[from] = undefined;
    }
    for (const [name, value] of this.#replaced) if (valueOf(name) !== undefined) edits[name] = said(value, passage);
    for (const [name, value] of this.#defaults) if (valueOf(name) === undefined) edits[name] = said(value, passage);
    return edits;
  }
}

function read(written: Readonly<Record<string, string>>): Pairs {
  return Object.entries(written).map(([field, text]) => [field, readFieldTemplate(text)] as const);
}

function said(value: FieldValue, passage: Passage): string {
  return typeof value === 'string' ? value : value(passage);
}

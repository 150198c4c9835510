import { nearest } from '@fairlead/core';
import type { Directive } from './directive.ts';
import { KNOWN_DIRECTIVES, treatmentOf, type Context } from './known-directives.ts';
import type { NginxProblems } from './nginx-problems.ts';

/** A block and the blocks around it: where directives are looked up. */
export class Scope {
  readonly directives: readonly Directive[];
  readonly parent: Scope | undefined;

  constructor(directives: readonly Directive[], parent: Scope | undefined) {
    this.directives = directives;
    this.parent = parent;
  }

  /** Those of this block. */
  own(name: string): readonly Directive[] {
    return this.directives.filter((directive) => directive.name === name);
  }

  /** The one that counts here: the block's own, else that of the nearest block around it. */
  nearest(name: string): Directive | undefined {
    return this.own(name).at(-1) ?? this.parent?.nearest(name);
  }

  /** As nginx inherits lists: all of this block, or, when it has none, those of the nearest block around it that has some. */
  level(...names: readonly string[]): readonly Directive[] {
    const own = this.directives.filter(({ name }) => names.includes(name));
    return own.length > 0 || this.parent === undefined ? own : this.parent.level(...names);
  }
}

/** Looks at every directive of a block: whether nginx has it, whether it may stand there, and whether it can be had here. */
export function checkBlock(directives: readonly Directive[], context: Context, problems: NginxProblems): void {
  for (const directive of directives) {
    const { name } = directive;
    const known = KNOWN_DIRECTIVES.get(name);
    const treatment = known === undefined ? undefined : treatmentOf(known, directive.words);
    if (known === undefined) {
      const near = nearest(name, KNOWN_DIRECTIVES.keys());
      problems.refuse(
        directive,
        `is no directive that is known here${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    } else if (!known.contexts.includes(context)) {
      const where = known.contexts.join(', ');
      problems.refuse(
        directive,
        `has no place in ${context === 'main' ? 'the main part' : context}; it stands in ${where}`,
      );
    } else if (treatment?.kind === 'refused') problems.refuse(directive, treatment.reason);
    else if (treatment?.kind === 'note') problems.note(directive, treatment.note);
    else if (directive.block === undefined && BLOCKS.has(name) && !(name === 'server' && context === 'upstream'))
      problems.refuse(directive, 'has no block; it needs one in braces');
    else if (directive.block !== undefined && !BLOCKS.has(name) && name !== 'types')
      problems.refuse(directive, 'has a block, and takes none; a ; may be missing before it');
  }
}

const BLOCKS = new Set(['http', 'events', 'server', 'upstream', 'map', 'location', 'if', 'limit_except']);

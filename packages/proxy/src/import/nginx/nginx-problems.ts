import type { ImportNote } from '../../snapshot/compiled-snapshot.ts';
import type { SnapshotProblem } from '../../snapshot/snapshot-problem.ts';
import type { Directive, Spot } from './directive.ts';

/** What an import finds: everything that has no place here, and everything that is otherwise. */
export class NginxProblems {
  readonly problems: SnapshotProblem[] = [];
  readonly notes: ImportNote[] = [];
  readonly #file: string;
  readonly #said = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  /** It can't be had here, for this reason. Gives back what there is of it: nothing. */
  refuse(directive: Pick<Directive, 'name' | 'at'>, reason: string): undefined {
    this.refuseAt(directive.at, directive.name, reason);
    return undefined;
  }

  /** The same of a place. */
  refuseAt(at: Spot, what: string, reason: string): void {
    const message = `${this.#elsewhere(at)}${reason}`;
    // A block that is read for several listeners has its problems once.
    if (!this.#isNew(`${at.file}:${at.line}:${at.column} ${message}`)) return;
    // A line is one of the file that people named.
    const isHere = at.file === this.#file;
    const [line, column] = isHere ? [at.line, at.column] : [undefined, undefined];
    this.problems.push({ path: what, message, line, column });
  }

  /** It behaves otherwise here. */
  note(directive: Pick<Directive, 'name' | 'at'>, note: string): void {
    const { name, at } = directive;
    if (!this.#isNew(`${at.file}:${at.line} ${name} ${note}`)) return;
    this.notes.push({ ...(at.file === this.#file ? {} : { file: at.file }), line: at.line, what: name, note });
  }

  #isNew(text: string): boolean {
    const isNew = !this.#said.has(text);
    this.#said.add(text);
    return isNew;
  }

  /** Where it is, when that isn't the file that people named. */
  #elsewhere({ file, line }: Spot): string {
    return file === this.#file ? '' : `(${file}, line ${line}) `;
  }
}

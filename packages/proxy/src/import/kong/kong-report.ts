import type { PlacedProblem, Place } from '../../snapshot/snapshot-problem.ts';

/** Something that is otherwise here, before its line is looked up. */
export interface PlacedNote {
  readonly place: Place;
  readonly what: string;
  readonly note: string;
}

/** What an import has to say: what is refused, and what is otherwise here. */
export class KongReport {
  readonly problems: PlacedProblem[] = [];
  readonly notes: PlacedNote[] = [];

  /** Refuses what stands at a place. */
  refuse(place: Place, message: string): void {
    this.problems.push({ place, message });
  }

  /** Refuses a key, whatever its value. */
  refuseKey(place: Place, message: string): void {
    this.problems.push({ place, isKey: true, message });
  }

  /** Says what is otherwise; the same thing about the same is said once. */
  note(place: Place, what: string, note: string): void {
    if (!this.notes.some((each) => each.what === what && each.note === note)) this.notes.push({ place, what, note });
  }
}

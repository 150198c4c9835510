/** A place in a configuration: the keys and indices that lead to it. */
export type Place = readonly PropertyKey[];

/** One thing that is wrong with a configuration. */
export interface SnapshotProblem {
  /** Where, as one would write it in code: `routes[1].match.path`. Empty for the whole. */
  readonly path: string;
  /** What is wrong there, and what to do. */
  readonly message: string;
  /** In the file, from 1; `undefined` when it did not come from one. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** A problem before its line is looked up. */
export interface PlacedProblem {
  readonly place: Place;
  /** Whether it is about the key at the end of `place`, not about its value. */
  readonly isKey?: boolean;
  readonly message: string;
}

/** A place as one would write it in code. */
export function formatPlace(place: Place): string {
  let text = '';
  for (const step of place) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (typeof step === 'string' && /^[A-Za-z_$][\w$-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}

/** A problem as a line for people: `gateway.yaml:12:5: routes[1].match.path: must begin with /`. */
export function problemLine(origin: string, { path, message, line, column }: SnapshotProblem): string {
  const where = line === undefined ? origin : `${origin}:${line}:${column}`;
  return path === '' ? `${where}: ${message}` : `${where}: ${path}: ${message}`;
}

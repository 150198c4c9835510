/** Where an answer says that it goes on. */
export function nextOf(answer: unknown): string | undefined {
  const next = typeof answer === 'object' && answer !== null && 'next' in answer ? answer.next : undefined;
  return typeof next === 'string' ? next : undefined;
}

/** Parameters that were given, as the query of a URL. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

/** Where a value has what JSON would not give back as it is, such as a Date or a Map; `undefined` when it has nothing of that kind. */
export function unplainAt(value: unknown, path = 'state'): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object') return path;
  if (Array.isArray(value)) return firstOf(value.map((each, index) => [`${path}[${index}]`, each] as const));
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return path;
  // A member that is undefined is as good as none.
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return firstOf(members.map(([name, each]) => [`${path}.${name}`, each] as const));
}

function firstOf(members: readonly (readonly [path: string, value: unknown])[]): string | undefined {
  for (const [path, value] of members) {
    const found = unplainAt(value, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g;
/** Where an escaped slash or backslash was let through, it goes on meaning something else than a slash; and so does %25. */
const KEPT = /%(?:2F|5C|25)/gi;

/**
 * A path as routes are matched against: decoded once, as a service will read it, so that no other spelling of a path gets
 * around its route. Escapes that are malformed, and escaped slashes, stay as they are.
 */
export function matchingPath(path: string): string {
  if (!path.includes('%')) return path;
  const keeps = /%(?:2F|5C)/i.test(path);
  return path.replace(ESCAPES, (escapes) => {
    if (!keeps) return decoded(escapes);
    const kept = escapes.match(KEPT) ?? [];
    return escapes
      .split(KEPT)
      .map((part, index) => decoded(part) + (kept[index]?.toUpperCase() ?? ''))
      .join('');
  });
}

function decoded(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}

/** The name of a template's segment that stands for any (`:id` or `{id}`); `undefined` for one that stands for itself. */
export function parameterName(segment: string): string | undefined {
  return /^:([A-Za-z_]\w*)$/.exec(segment)?.[1] ?? /^\{([A-Za-z_]\w*)\}$/.exec(segment)?.[1];
}

/**
 * What a template's parameters are in a path that it matches.
 * @param path as it was sent
 */
export function pathParameters(template: string, path: string): Readonly<Record<string, string>> {
  const segments = matchingPath(path).split('/');
  return Object.fromEntries(
    template.split('/').flatMap((segment, index) => {
      const name = parameterName(segment);
      return name === undefined ? [] : [[name, segments[index] ?? '']];
    }),
  );
}

/** A segment of an operation's path. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'member'; readonly name: string };

/** Segments of `/orders/{id}`, or what is wrong with it. */
export function parsePathTemplate(
  template: string,
):
  | { readonly kind: 'template'; readonly segments: readonly Segment[] }
  | { readonly kind: 'malformed'; readonly why: string } {
  if (!template.startsWith('/')) return { kind: 'malformed', why: 'it does not begin with "/"' };
  if (template === '/') return { kind: 'template', segments: [] };
  const segments: Segment[] = [];
  for (const part of template.slice(1).split('/')) {
    const name = /^\{([A-Za-z_]\w*)\}$/.exec(part)?.[1];
    if (name !== undefined) segments.push({ kind: 'member', name });
    else if (part === '.' || part === '..' || !/^[A-Za-z0-9._~-]+$/.test(part)) {
      return {
        kind: 'malformed',
        why: `segment "${part}" is neither a word (letters, digits, "-", ".", "_", "~") nor one {member}`,
      };
    } else segments.push({ kind: 'text', text: part });
  }
  const names = segments.flatMap((segment) => (segment.kind === 'member' ? [segment.name] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return { kind: 'malformed', why: `it names {${twice}} twice` };
  return { kind: 'template', segments };
}

/** The path's text and its query's, without the fragment, which is never sent. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const cut = target.search(/[?#]/);
  if (cut === -1) return { path: target, query: '' };
  const path = target.slice(0, cut);
  if (target[cut] === '#') return { path, query: '' };
  const rest = target.slice(cut + 1);
  const hash = rest.indexOf('#');
  return { path, query: hash === -1 ? rest : rest.slice(0, hash) };
}

/**
 * The members' texts, still percent-encoded, when `path` has the template's shape. Words are compared as they are
 * written, so no two parsers can disagree on an encoded one.
 */
export function matchPath(segments: readonly Segment[], path: string): Map<string, string> | undefined {
  if (!path.startsWith('/')) return undefined;
  const parts = path === '/' ? [] : path.slice(1).split('/');
  if (parts.length !== segments.length) return undefined;
  const members = new Map<string, string>();
  for (let index = 0; index < segments.length; index += 1) {
    const segment = segments[index];
    const part = parts[index] ?? '';
    if (segment === undefined) return undefined;
    if (part === '') return undefined;
    if (segment.kind === 'member') members.set(segment.name, part);
    else if (segment.text !== part) return undefined;
  }
  return members;
}

/** Why `text` can't be a path segment; `undefined` when it can. */
export function segmentProblem(text: string): string | undefined {
  if (text === '') return "is empty, which a path can't carry";
  if (text === '.' || text === '..') return `is "${text}", which a URL takes for a step`;
  return text.isWellFormed() ? undefined : "holds half of a surrogate pair, which a URL can't carry";
}

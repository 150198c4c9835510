/**
 * What has to be written into a blueprint for a service: the text with it, or what is to be written by hand when the file
 * does not look as `definePlatform({ services: { … }, gateway: { routes: [ … ] } })` usually does.
 */
export type BlueprintEdit =
  | { readonly kind: 'edited'; readonly text: string }
  | { readonly kind: 'by-hand'; readonly lines: readonly string[] };

/** Where a line says `services: {` or `routes: [`, how it is indented, and whether its first entry stands on it, too. */
function opening(
  text: string,
  pattern: RegExp,
): { readonly end: number; readonly indent: string; readonly inline: boolean } | undefined {
  const found = [...text.matchAll(pattern)];
  const [only] = found;
  // Twice is as bad as never: nobody could say which is meant.
  if (found.length !== 1 || only === undefined) return undefined;
  const end = only.index + only[0].length;
  return { end, indent: only[1] ?? '', inline: /^[ \t]*[^\s]/.test(text.slice(end)) };
}

/**
 * Adds a service and its route as the first entries of `services` and `routes`: the only places whose surroundings are
 * known without understanding the rest. The caller checks that the result loads.
 */
export function addServiceToBlueprint(text: string, name: string): BlueprintEdit {
  const key = /^[a-z][a-z0-9]*$/.test(name) ? name : `'${name}'`;
  const service = `${key}: './${name}/service.ts',`;
  const route = `{ path: '/${name}', service: '${name}' },`;
  const byHand: BlueprintEdit = { kind: 'by-hand', lines: [`services: { ${service} }`, `routes: [ ${route} ]`] };
  const services = opening(text, /^([ \t]*)services: \{/gm);
  const routes = opening(text, /^([ \t]*)routes: \[/gm);
  if (services === undefined || routes === undefined || routes.end < services.end) return byHand;
  const entry = (place: { readonly end: number; readonly indent: string; readonly inline: boolean }, line: string) => {
    if (!place.inline) return `\n${place.indent}  ${line}`;
    const rest = text.slice(place.end);
    if (/^\s/.test(rest)) return ` ${line}`;
    if (rest.startsWith('}')) return ` ${line.slice(0, -1)} `;
    return rest.startsWith(']') ? line.slice(0, -1) : `${line} `;
  };
  const parts = [
    text.slice(0, services.end),
    entry(services, service),
    text.slice(services.end, routes.end),
    entry(routes, route),
    text.slice(routes.end),
  ];
  return { kind: 'edited', text: parts.join('') };
}

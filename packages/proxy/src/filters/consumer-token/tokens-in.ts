import type { Passage } from '../../engine/filter.ts';
import { cookieOf } from '../who.ts';
import type { ConsumerTokenSpec } from './consumer-token-spec.ts';

type Places = Pick<ConsumerTokenSpec, 'header' | 'query' | 'cookie'>;

/** Finds the tokens of requests, each once; those that do not go on are left out of fields and queries. */
export function tokensIn(
  { header = 'authorization', query = [], cookie = [] }: Places,
  forward: boolean,
): (passage: Passage) => readonly string[] {
  const headers = [header].flat();
  const parameters = new Set([query].flat());
  const cookies = [cookie].flat();
  return (passage) => {
    const found = new Set<string>();
    const add = (token: string | undefined): void => {
      if (token !== undefined && token !== '') found.add(token);
    };
    if (parameters.size > 0 && passage.query !== '') {
      for (const pair of passage.query.slice(1).split('&'))
        if (parameters.has(nameOf(pair))) add(decoded(pair.slice(pair.indexOf('=') + 1)));
      if (!forward) passage.upstreamTarget = without(passage.upstreamTarget, parameters);
    }
    for (const name of cookies) add(cookieOf(passage.fields.get('cookie') ?? '', name));
    for (const field of headers) {
      add(/^\s*bearer\s+(\S.*)$/i.exec(passage.fields.get(field) ?? '')?.[1]?.trim());
      if (!forward) passage.setUpstream(field, undefined);
    }
    return [...found];
  };
}

function without(target: string, parameters: ReadonlySet<string>): string {
  const at = target.indexOf('?');
  if (at === -1) return target;
  const rest = target
    .slice(at + 1)
    .split('&')
    .filter((pair) => !parameters.has(nameOf(pair)))
    .join('&');
  return target.slice(0, at) + (rest === '' ? '' : `?${rest}`);
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return decoded(equals === -1 ? pair : pair.slice(0, equals));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import type { Fields } from '@fairlead/net';
import { NO_DIRECTIVES, parseDirectives, type Directives } from './directives.ts';

/** What of a request a cache looks at. */
export interface RequestFacts {
  readonly directives: Directives;
  readonly hasAuthorization: boolean;
  /** `If-None-Match` or `If-Modified-Since`. */
  readonly isConditional: boolean;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** Offers another protocol, or sets a condition that only the origin can judge (RFC 9111, section 4.3.2). */
  readonly isForOrigin: boolean;
}

const PLAIN: RequestFacts = {
  directives: NO_DIRECTIVES,
  hasAuthorization: false,
  isConditional: false,
  range: undefined,
  ifRange: undefined,
  isForOrigin: false,
};
const LOOKED_AT = new Set([
  'authorization',
  'cache-control',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
  'upgrade',
]);

/** Reads them; the same object for all requests that have none of these fields, which are most. */
export function requestFacts(fields: Fields, obeysDirectives: boolean): RequestFacts {
  const { list } = fields;
  for (let at = 0; at < list.length; at += 2) {
    if (LOOKED_AT.has(list[at] ?? '')) return factsOf(fields, obeysDirectives);
  }
  return PLAIN;
}

function factsOf(fields: Fields, obeysDirectives: boolean): RequestFacts {
  const has = (name: string) => fields.get(name) !== undefined;
  return {
    directives: obeysDirectives ? directivesOf(fields) : NO_DIRECTIVES,
    hasAuthorization: has('authorization'),
    isConditional: has('if-none-match') || has('if-modified-since'),
    range: fields.get('range'),
    ifRange: fields.get('if-range'),
    isForOrigin: has('if-match') || has('if-unmodified-since') || has('upgrade'),
  };
}

function directivesOf(fields: Fields): Directives {
  const text = fields.get('cache-control');
  if (text !== undefined) return parseDirectives(text);
  const pragma = fields.get('pragma')?.toLowerCase();
  return pragma === 'no-cache' ? { ...NO_DIRECTIVES, noCache: true } : NO_DIRECTIVES;
}

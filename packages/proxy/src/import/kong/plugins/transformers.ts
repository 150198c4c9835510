import { z } from 'zod';
import type { Place } from '../../../snapshot/snapshot-problem.ts';
import type { KongReport } from '../kong-report.ts';
import { pluginImport } from '../plugin-import.ts';

const texts = z.array(z.string().min(1)).default([]);
const parts = z.strictObject({ body: texts, headers: texts, querystring: texts }).partial().optional();
const partsWithUri = z
  .strictObject({ body: texts, headers: texts, querystring: texts, uri: z.string().optional() })
  .partial()
  .optional();
const VERBS = ['remove', 'rename', 'replace', 'add', 'append'] as const;

interface Where {
  readonly place: Place;
  readonly report: KongReport;
}

/** `name:value` as a pair; Kong's lists have them in one text. */
function pairs(list: readonly string[] | undefined, { place, report }: Where): [name: string, value: string][] {
  return (list ?? []).flatMap((text, at): [string, string][] => {
    const colon = text.indexOf(':');
    if (colon > 0 && colon < text.length - 1) return [[text.slice(0, colon), text.slice(colon + 1)]];
    report.refuse([...place, at], `${JSON.stringify(text)} is no name and value; write name:value`);
    return [];
  });
}

const HEADER_TEMPLATE = /\$\(\s*headers(?:\.([A-Za-z0-9_-]+)|\[\s*["']([A-Za-z0-9_-]+)["']\s*\])\s*\)/g;
const QUERY_TEMPLATE = /\$\(\s*query_params(?:\.([A-Za-z0-9_-]+)|\[\s*["']([^"'\]]+)["']\s*\])\s*\)/g;

/** A value, with its templates as ours. */
function valueOf(text: string, { place, report }: Where): string {
  if (/\{[a-z-]+(?::[^{}]+)?\}/.test(text))
    report.refuse(place, `${JSON.stringify(text)} would be read as a placeholder here`);
  const value = text
    .replaceAll(
      HEADER_TEMPLATE,
      (_whole, dotted?: string, quotedName?: string) =>
        `{header:${(dotted ?? quotedName ?? '').replaceAll('_', '-').toLowerCase()}}`,
    )
    .replaceAll(
      QUERY_TEMPLATE,
      (_whole, dotted?: string, quotedName?: string) => `{parameter:${dotted ?? quotedName ?? ''}}`,
    );
  if (value.includes('$('))
    report.refuse(
      place,
      `${JSON.stringify(text)} is code; of templates there are $(headers.name) and $(query_params.name) here`,
    );
  return value;
}

function fieldValues(list: readonly string[] | undefined, where: Where): Record<string, string> {
  return Object.fromEntries(
    pairs(list, where).map(([name, value]) => [name.toLowerCase(), valueOf(value.trimStart(), where)]),
  );
}

function fieldLists(list: readonly string[] | undefined, where: Where): Record<string, string[]> {
  const byName: Record<string, string[]> = {};
  for (const [name, value] of pairs(list, where))
    (byName[name.toLowerCase()] ??= []).push(valueOf(value.trimStart(), where));
  return byName;
}

/** Members that hold something. */
function filled(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(
      ([, value]) =>
        value !== undefined &&
        (Array.isArray(value)
          ? value.length > 0
          : typeof value !== 'object' || value === null || Object.keys(value).length > 0),
    ),
  );
}

interface Edits {
  readonly headers?: readonly string[] | undefined;
}

/** How fields are edited, as the filter headers takes it; in Kong's order: remove, rename, replace, add, append. */
function fieldEdits(
  config: Readonly<Partial<Record<(typeof VERBS)[number], Edits | undefined>>>,
  { place, report }: Where,
): Record<string, unknown> {
  const where = (verb: string): Where => ({ place: [...place, verb, 'headers'], report });
  const { remove, rename, replace, add, append } = config;
  return filled({
    remove: (remove?.headers ?? []).map((text) => (text.split(':')[0] ?? text).toLowerCase()),
    rename: Object.fromEntries(
      pairs(rename?.headers, where('rename')).map(([from, to]) => [from.toLowerCase(), to.toLowerCase()]),
    ),
    replace: fieldValues(replace?.headers, where('replace')),
    default: fieldValues(add?.headers, where('add')),
    append: fieldLists(append?.headers, where('append')),
  });
}

export const requestTransformer = pluginImport({
  name: 'request-transformer',
  priority: 801,
  form: z.strictObject({
    http_method: z.string().optional(),
    remove: parts,
    rename: parts,
    replace: partsWithUri,
    add: partsWithUri,
    append: partsWithUri,
  }),
  become(config, { report, place, what }) {
    if (config.http_method !== undefined)
      report.refuse(
        [...place, 'http_method'],
        'makes another method of it, which would mean something else to all who see it on the way; ask with the right one',
      );
    for (const verb of VERBS)
      if ((config[verb]?.body ?? []).length > 0)
        report.refuse(
          [...place, verb, 'body'],
          'edits bodies, which is business logic and has no place at the edge; do it in the service',
        );
    const uri = config.replace?.uri;
    if (uri !== undefined && (/\$\(/.test(uri) || !uri.startsWith('/')))
      report.refuse([...place, 'replace', 'uri'], 'is no plain path; write it out, or let the route strip it');
    const query = (verb: (typeof VERBS)[number]): Where => ({ place: [...place, verb, 'querystring'], report });
    const plain = (verb: 'replace' | 'add' | 'append'): Record<string, string> =>
      Object.fromEntries(
        pairs(config[verb]?.querystring, query(verb)).map(([name, value]) => {
          if (value.includes('$('))
            report.refuse(
              [...place, verb, 'querystring'],
              `${JSON.stringify(value)} is a template; parameters of queries have fixed values here`,
            );
          return [name, value];
        }),
      );
    const changes = filled({
      remove: (config.remove?.querystring ?? []).map((text) => text.split(':')[0] ?? text),
      rename: Object.fromEntries(pairs(config.rename?.querystring, query('rename'))),
      replace: plain('replace'),
      default: plain('add'),
      add: plain('append'),
    });
    const headers = fieldEdits(config, { place, report });
    const { replace: replaced = {} } = headers;
    // `as`: fieldEdits has made it of names and values. Kong replaces the host whether or not it is there, and it always is.
    const { host, ...others } = replaced as Record<string, string>;
    const edits = filled({ ...headers, replace: others, set: host === undefined ? {} : { host } });
    if (config.append?.headers !== undefined && config.append.headers.length > 0)
      report.note([...place, 'append', 'headers'], what, 'appends each value as a line of its own');
    const rewrite = filled({ path: uri === undefined ? undefined : { to: uri }, query: changes });
    return {
      filters: [
        ...(Object.keys(rewrite).length === 0 ? [] : [{ type: 'rewrite', ...rewrite }]),
        ...(Object.keys(edits).length === 0 ? [] : [{ type: 'headers', request: edits }]),
      ],
    };
  },
});

const json = z.strictObject({ json: texts, headers: texts }).partial().optional();
const typedJson = z.strictObject({ json: texts, json_types: texts, headers: texts }).partial().optional();

export const responseTransformer = pluginImport({
  name: 'response-transformer',
  priority: 800,
  form: z.strictObject({ remove: json, rename: json, replace: typedJson, add: typedJson, append: typedJson }),
  become(config, { report, place }) {
    for (const verb of VERBS)
      if ((config[verb]?.json ?? []).length > 0)
        report.refuse(
          [...place, verb, 'json'],
          'edits bodies, which is business logic and has no place at the edge; do it in the service, or compose the answer',
        );
    const edits = fieldEdits(config, { place, report });
    return { filters: Object.keys(edits).length === 0 ? [] : [{ type: 'headers', answer: edits }] };
  },
});

import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { sizeBytes, sizeText } from './units.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** `gzip` of a block: answers are compressed by what they are, as it is written there. */
export function gzipFilters(
  scope: Scope,
  { problems, origins }: { readonly problems: NginxProblems; readonly origins: Origins },
): readonly WrittenFilter[] {
  const directive = scope.nearest('gzip');
  if (directive === undefined || directive.words[0] !== 'on') return [];
  const types = scope.nearest('gzip_types')?.words ?? [];
  const least = sizeBytes(scope.nearest('gzip_min_length')?.words[0] ?? '20') ?? 20;
  const level = Number(scope.nearest('gzip_comp_level')?.words[0] ?? 1);
  if (types.includes('*'))
    problems.note(directive, 'of all types, those are compressed that become smaller: texts, JSON, XML, scripts');
  problems.note(
    directive,
    'answers to who has shown who it is stay as they are, since their length may tell of their content',
  );
  return [
    origins.from(directive, {
      type: 'compress',
      codings: ['gzip'],
      effort: level <= 3 ? 'fast' : level <= 7 ? 'usual' : 'small',
      minSize: sizeText(least),
      ...(types.includes('*')
        ? {}
        : { types: [...new Set(['text/html', ...types.map((type) => type.toLowerCase())])] }),
    }),
  ];
}

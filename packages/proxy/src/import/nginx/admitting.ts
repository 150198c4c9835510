import { blockFault } from '../../match/address-blocks.ts';
import type { ImportOrigin } from '../imported.ts';
import { readPasswordHash } from '../../filters/basic-auth/password-hash.ts';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** What knows how admission is read. */
export interface AdmitWorld {
  readonly problems: NginxProblems;
  readonly origins: Origins;
  readonly include: ImportOrigin['include'];
}

/** `allow` and `deny` of a block: the first that fits counts, and without one everybody may. */
export function addressFilters(
  rules: readonly Directive[],
  { problems, origins }: AdmitWorld,
): readonly WrittenFilter[] {
  const [first] = rules;
  if (first === undefined) return [];
  const all = rules.findIndex(({ words: [word] }) => word === 'all');
  const end = rules[all];
  const counted = all === -1 ? rules : rules.slice(0, all);
  const blocks = (name: string) =>
    counted.filter((rule) => rule.name === name).flatMap(({ words: [word = ''] }) => word);
  for (const rule of counted) {
    const fault = rule.words.length === 1 ? blockFault(rule.words[0] ?? '') : 'takes one address or block';
    if (fault !== undefined) problems.refuse(rule, fault);
  }
  const [allow, deny] = [blocks('allow'), blocks('deny')];
  const isClosed = end?.name === 'deny';
  const order = counted.map(({ name }) => name).join(' ');
  const from = (filter: WrittenFilter): readonly WrittenFilter[] => [origins.from(first, filter)];
  if (/^(?:deny ?)*(?:allow ?)*$/.test(order)) {
    if (!isClosed) return deny.length === 0 ? [] : from({ type: 'ip', deny });
    if (allow.length === 0) return from({ type: 'respond', status: 403, code: 'ADDRESS_REFUSED' });
    return from({ type: 'ip', allow, ...(deny.length === 0 ? {} : { deny }) });
  }
  if (/^(?:allow ?)+(?:deny ?)+$/.test(order)) {
    if (isClosed) return from({ type: 'ip', allow });
    return from({ type: 'when', isNot: { client: allow }, filters: [{ type: 'ip', deny }] });
  }
  problems.refuse(
    first,
    'begins a list in which allow and deny stand in turns; write all that is denied first, or all that is allowed',
  );
  return [];
}

/** `auth_basic` of a block. */
export function passwordFilters(scope: Scope, { problems, origins, include }: AdmitWorld): readonly WrittenFilter[] {
  const directive = scope.nearest('auth_basic');
  const [realm] = directive?.words ?? [];
  if (directive === undefined || realm === undefined || realm === 'off') return [];
  const file = scope.nearest('auth_basic_user_file');
  if (file === undefined) {
    problems.refuse(directive, 'has no auth_basic_user_file');
    return [];
  }
  const users = readUsers(file, include, problems);
  if (users.length === 0) return [];
  return [origins.from(directive, { type: 'basic-auth', realm, users, forward: true })];
}

function readUsers(
  file: Directive,
  include: ImportOrigin['include'],
  problems: NginxProblems,
): readonly { readonly name: string; readonly hash: string }[] {
  const [path = ''] = file.words;
  let found;
  try {
    found = include(path);
  } catch (error) {
    problems.refuse(file, error instanceof Error ? error.message : String(error));
    return [];
  }
  const [only] = found;
  if (only === undefined) {
    problems.refuse(file, `there is no file ${path}`);
    return [];
  }
  const users = only.text.split(/\r?\n/).flatMap((line) => {
    const [, name, hash] = /^([^#:\s][^:]*):([^:]*)/.exec(line) ?? [];
    return name === undefined || hash === undefined ? [] : [{ name, hash }];
  });
  const weak = users.filter(({ hash }) => typeof readPasswordHash(hash) === 'string');
  if (users.length === 0) problems.refuse(file, `${path} names nobody`);
  if (weak.length > 0)
    problems.refuse(
      file,
      `${path} has hashes of passwords that are guessed too fast or not known here (${weak.map(({ name }) => name).join(', ')}); hash them anew with \`fairlead gateway password\`, which makes scrypt`,
    );
  return weak.length > 0 ? [] : users;
}

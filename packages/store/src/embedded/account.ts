import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FairleadError } from '@fairlead/core';

/** Who a process runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Where our own uid is looked for: above what distributions and systemd hand out, below what containers are mapped to.
 */
const FIRST_UID = 71_830;
const LAST_UID = 71_929;

/** Accounts that every system has and that hardly any runs something under; tried in this order for initdb. */
const BORROWED = ['games', 'news', 'uucp', 'lp', 'bin', 'daemon'];

/**
 * Who Postgres is to run as: itself refuses uid 0. `undefined` is whoever we are, which is right for everybody but root.
 * Root gives it a uid that nothing else uses, the same on every start; a cluster that has an owner keeps it.
 * @throws MISCONFIGURED when this root can't become anybody else
 */
export function serverAccount(clusterDir: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(clusterDir)) {
    const { uid, gid } = statSync(clusterDir);
    if (uid !== 0) return { uid, gid };
  }
  const taken = new Set(passwd().map((entry) => entry.uid));
  const free = uidMap().flatMap(({ first, last }) => {
    // Inside a container few uids may exist: then the highest of them.
    const [from, to] =
      first <= FIRST_UID && last >= LAST_UID ? [FIRST_UID, LAST_UID] : [Math.max(1_000, last - 100), last];
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  });
  const uid = free.find((candidate) => candidate !== 65_534 && !taken.has(candidate));
  if (uid === undefined) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      'Postgres refuses to run as root, and this root can become nobody else (its user namespace maps no other uid). Start as an ordinary user, or set POSTGRES_URL.',
    );
  }
  return { uid, gid: uid };
}

/**
 * Who initdb is to run as: it insists on a uid with a name, which the server's has not. An account without any process
 * is borrowed for the second that it takes; what it makes is private to it meanwhile and taken away from it afterwards.
 */
export function initAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entries = passwd().filter((entry) => entry.uid !== 0);
  const running = runningUids();
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const preferred = BORROWED.flatMap((name) => byName.get(name) ?? []);
  const mapped = uidMap();
  const found = [...preferred, ...entries].find(
    ({ uid }) => !running.has(uid) && mapped.some(({ first, last }) => uid >= first && uid <= last),
  );
  if (found === undefined) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      'Postgres refuses to run as root, and there is no unused system account to make its first data directory with. Start as an ordinary user, or set POSTGRES_URL.',
    );
  }
  return { uid: found.uid, gid: found.gid };
}

/** Whether `account` may enter every directory on the way to `path`, `path` included. */
export function canReach(account: Account, path: string): boolean {
  for (let current = path; ; current = dirname(current)) {
    if (existsSync(current)) {
      const { mode, uid, gid } = statSync(current);
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (current === dirname(current)) return true;
  }
}

interface PasswdEntry extends Account {
  readonly name: string;
}

function passwd(): readonly PasswdEntry[] {
  const text = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    // macOS keeps nobody at -2.
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

function uidMap(): readonly { readonly first: number; readonly last: number }[] {
  if (!existsSync('/proc/self/uid_map')) return [{ first: 0, last: 2 ** 31 - 1 }];
  return readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
      return { first, last: first + count - 1 };
    });
}

function runningUids(): ReadonlySet<number> {
  if (process.platform !== 'linux') {
    const listed = spawnSync('ps', ['-axo', 'uid='], { encoding: 'utf8' });
    return new Set(listed.stdout.split('\n').map(Number));
  }
  const uids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statSync(join('/proc', name), { throwIfNoEntry: false })?.uid ?? 0);
  return new Set(uids);
}

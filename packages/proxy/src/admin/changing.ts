import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { AuditEntry, AuditLog } from './audit-log.ts';
import type { Ask, ChangeTold, GatewayProcesses, Purge, Told } from './gateway-question.ts';
import { swapOut, type In, type Out } from './reading.ts';

/** Operations that change something. */
export type ChangeName = 'purgeCache' | 'ejectEndpoint' | 'restoreEndpoint' | 'reloadConfig';

export const CHANGES: ReadonlySet<string> = new Set<ChangeName>([
  'purgeCache',
  'ejectEndpoint',
  'restoreEndpoint',
  'reloadConfig',
]);

/** Changes that somebody with the credential asks for: each is written down before it happens, and how it went after it. */
export class Changing {
  readonly #processes: GatewayProcesses;
  readonly #audit: AuditLog;

  constructor(processes: GatewayProcesses, audit: AuditLog) {
    this.#processes = processes;
    this.#audit = audit;
  }

  purge({ all, tag, url, zone, who }: In<'purgeCache'>, from: string): Promise<Out<'purgeCache'>> {
    const purge = purgeOf(all, tag, url);
    return this.#changed('purge', { purge, zone }, { action: 'purgeCache', who, from });
  }

  eject({ cluster, address, forS, force, who }: In<'ejectEndpoint'>, from: string): Promise<Out<'ejectEndpoint'>> {
    const ask = { cluster, address, forMs: forS * 1_000, force };
    return this.#changed('eject', ask, { action: 'ejectEndpoint', who, from });
  }

  restore({ cluster, address, who }: In<'restoreEndpoint'>, from: string): Promise<Out<'restoreEndpoint'>> {
    return this.#changed('restore', { cluster, address }, { action: 'restoreEndpoint', who, from });
  }

  async reload({ who }: In<'reloadConfig'>, from: string): Promise<Out<'reloadConfig'>> {
    const processes = await this.#audited({ action: 'reloadConfig', who, from }, {}, async () => {
      const told = await this.#processes.ask('reload', {});
      const answers = told.map((each) => {
        if (each.kind === 'silent') return { pid: each.pid, outcome: 'unknown' };
        const { kind, hash, reason } = swapOut(each.answer);
        return {
          pid: each.pid,
          outcome: kind,
          ...(hash === undefined ? {} : { hash }),
          ...(reason === undefined ? {} : { reason }),
        };
      });
      const isRefused = answers.some(({ outcome }) => outcome === 'refused');
      return { value: answers, outcome: isRefused ? 'refused' : 'done' };
    });
    return { processes };
  }

  async #changed<Name extends 'purge' | 'eject' | 'restore'>(
    name: Name,
    ask: Ask<Name>,
    entry: Asking,
  ): Promise<Out<'purgeCache'>> {
    const processes = await this.#audited(entry, ask, async () => {
      // `as`: these three are answered alike.
      const told = (await this.#processes.ask(name, ask)) as readonly Told<ChangeTold>[];
      const answers = told.map((each) =>
        each.kind === 'silent' ? { pid: each.pid, outcome: 'unknown' } : { pid: each.pid, ...each.answer },
      );
      const [failed] = answers.filter(({ outcome }) => outcome !== 'done');
      // One that has done it is enough: others may not know the endpoint yet, or have it ejected already.
      const isDone = answers.some(({ outcome }) => outcome === 'done');
      if (!isDone) throw refused(failed?.outcome ?? 'unknown');
      return { value: answers, outcome: 'done' };
    });
    return { processes };
  }

  /** Nothing happens before it is written down. */
  async #audited<Value>(
    { action, who = 'unknown', from }: Asking,
    target: object,
    change: () => Promise<{ readonly value: Value; readonly outcome: string }>,
  ): Promise<Value> {
    const entry: AuditEntry = { action, who, from, target: { ...target } };
    const id = await this.#audit.asked(entry);
    try {
      const { value, outcome } = await change();
      await this.#audit.ended(id, entry, outcome);
      return value;
    } catch (error) {
      const told = error instanceof FairleadError ? error.details['outcome'] : undefined;
      const code = error instanceof FairleadError ? error.code : 'INTERNAL';
      await this.#audit.ended(id, entry, typeof told === 'string' ? told : code);
      throw error;
    }
  }
}

interface Asking {
  readonly action: ChangeName;
  readonly who: string | undefined;
  readonly from: string;
}

function purgeOf(all: boolean | undefined, tag: string | undefined, url: string | undefined): Purge {
  const given = [all === true, tag !== undefined, url !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw fail('BAD_REQUEST', 'Say what is to be forgotten: all, a tag or a url, and one of them.');
  }
  if (tag !== undefined) return { kind: 'tag', tag };
  return url === undefined ? { kind: 'all' } : { kind: 'url', url };
}

const WHY: Readonly<Record<string, string>> = {
  'unknown-cluster': 'There is no such cluster in the configuration at work; /clusters lists them.',
  unknown: 'There is no such endpoint in the cluster; /clusters lists them.',
  last: 'Nobody would be left to ask. Say force if that is meant.',
  'not-ejected': 'It is not ejected. One that fails its check comes back when it passes.',
  'no-cache': 'There is no such cache in the configuration at work; /cache lists them.',
};

function refused(outcome: string): FairleadError {
  const message = WHY[outcome] ?? 'No process of the gateway has done it.';
  return fail('CHANGE_REFUSED', message, { details: { outcome } });
}

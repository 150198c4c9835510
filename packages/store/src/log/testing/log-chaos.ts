import { createContext, type Clock, type Random } from '@fairlead/core';
import { connectAdmin, type AdminConnection } from '../../embedded/admin-connection.ts';

/** What is done to writers from outside. */
export interface LogChaosOptions {
  /** The superuser's connection string for the log's database. */
  readonly adminUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** How often each thing was done. */
export interface LogChaosCounts {
  terminated: number;
  prepared: number;
  idled: number;
}

const APPEND = `select * from fairlead_log_append($1, -1, $2, '{proof.written,proof.written}', '{1,1}', '{k,k}', '{"{}","{}"}', null,
  null, null, 't', 'c', null, 'default')`;

/**
 * Until the signal aborts: ends backends of writers, leaves transactions prepared for a while, and lets a session sit idle
 * in a transaction that has appended until the server ends it. What fails because the server is away is tried again.
 */
export async function logChaos(options: LogChaosOptions): Promise<LogChaosCounts> {
  const counts: LogChaosCounts = { terminated: 0, prepared: 0, idled: 0 };
  await Promise.all([
    repeatedly(options, 300, async (session) => {
      const rows = await session.run(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'writer-%' order by query_start limit 1`,
      );
      counts.terminated += rows.length;
    }),
    repeatedly(options, 800, async (session, round) => {
      const name = `proof ${round}`;
      await session.run('begin');
      await session.run(APPEND, ['proof-prepared', [`${name}/0`, `${name}/1`]]);
      await session.run(`prepare transaction '${name}'`);
      await options.clock.sleep(options.random.next() * 100);
      // Whatever happens to this session, the transaction waits for its end.
      const end = options.random.next() < 0.6 ? 'commit' : 'rollback';
      for (let done = false; !done;) done = await finished(options, `${end} prepared '${name}'`, session);
      counts.prepared += 1;
    }),
    repeatedly(options, 6_000, async (session, round) => {
      await session.run(`set idle_in_transaction_session_timeout = 200`);
      await session.run('begin');
      await session.run(APPEND, ['proof-idle', [`idle ${round}/0`, `idle ${round}/1`]]);
      await options.clock.sleep(400);
      counts.idled += 1;
      await session.run('commit');
    }),
  ]);
  return counts;
}

async function finished({ adminUrl }: LogChaosOptions, text: string, session: AdminConnection): Promise<boolean> {
  try {
    await session.run(text);
    return true;
  } catch {
    try {
      await using another = await connectAdmin(adminUrl);
      await another.run(text);
      return true;
    } catch (error) {
      // 42704: the first attempt was carried out, its answer was lost.
      return error instanceof Error && 'code' in error && error.code === '42704';
    }
  }
}

/** Does `work` again and again in a session that is renewed when it breaks. */
async function repeatedly(
  { adminUrl, clock, random, signal }: LogChaosOptions,
  everyMs: number,
  work: (session: AdminConnection, round: number) => Promise<void>,
): Promise<void> {
  using ctx = createContext({ clock, random });
  for (let round = 0; !signal.aborted;) {
    try {
      await using session = await connectAdmin(adminUrl);
      for (; !signal.aborted;) {
        round += 1;
        await ctx.clock.sleep(everyMs * random.next());
        await work(session, round);
      }
    } catch {
      await ctx.clock.sleep(50);
    }
  }
}

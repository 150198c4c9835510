import { createContext, isError, type Context } from '@fairlead/core';
import type { CallPolicies } from './call-policies.ts';
import type { ServiceDefinition } from './definition.ts';
import { missingMigrations } from './migrations.ts';
import type { Readiness, ReadinessCheck, ServicePorts } from './service-instance.ts';

/** How long a look is good for. */
const FRESH_MS = 1_000;
/** How long a dependency may take to answer a look. */
const CHECK_TIMEOUT_MS = 2_000;

/** Looks at what a service needs: its database, its migrations, its broker, calls that stop when they are told. */
export function readinessChecks(
  definition: ServiceDefinition,
  ports: ServicePorts,
  needs: { readonly broker: boolean; readonly policies: CallPolicies },
): () => Promise<readonly ReadinessCheck[]> {
  const { clock } = ports;
  let latest: { readonly atMs: number; readonly checks: Promise<readonly ReadinessCheck[]> } | undefined;

  return () => {
    const nowMs = clock.monotonic();
    if (latest === undefined || nowMs - latest.atMs >= FRESH_MS) latest = { atMs: nowMs, checks: look() };
    return latest.checks;
  };

  async function look(): Promise<readonly ReadinessCheck[]> {
    const { database, broker } = ports;
    const name = definition.contract.name;
    const looks: Promise<ReadinessCheck>[] = [];
    if (definition.database !== undefined && database !== undefined) {
      looks.push(
        check('database', async (ctx) => void (await database.query(ctx, 'select 1'))),
        check('migrations', async (ctx) => {
          const missing = await missingMigrations(ctx, database, definition);
          if (missing.length > 0)
            throw new Error(`not applied yet: ${missing.join(', ')}. Run the migrations of ${name}.`);
        }),
      );
    }
    if (needs.broker && broker !== undefined) {
      const publishes = Object.keys(definition.contract.events).length > 0;
      looks.push(
        check('broker', async (ctx) => {
          // A service that publishes nothing owns no source; the refusal shows that the broker answers.
          await broker.published(ctx, name).catch((error: unknown) => {
            if (publishes || !isError(error, 'FORBIDDEN_SOURCE')) throw error;
          });
        }),
      );
    }
    looks.push(...stuckCalls());
    return Promise.all(looks);
  }

  /** Calls whose work doesn't stop, where their policy says that there are too many. */
  function stuckCalls(): Promise<ReadinessCheck>[] {
    return needs.policies.reports().flatMap(({ target, state: { late } }) =>
      late.tooMany
        ? [
            check(`calls to ${target}`, async () => {
              throw new Error(
                `${late.stuck} attempts have not stopped long after their end; this process may need a restart.`,
              );
            }),
          ]
        : [],
    );
  }

  async function check(name: string, work: (ctx: Context) => Promise<void>): Promise<ReadinessCheck> {
    using ctx = createContext({ clock, random: ports.random, timeoutMs: CHECK_TIMEOUT_MS });
    try {
      await work(ctx);
      return { name, ok: true };
    } catch (error) {
      return { name, ok: false, problem: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** What the checks come to in a state of the service. */
export function readinessOf(state: Readiness['state'], checks: readonly ReadinessCheck[]): Readiness {
  return { ready: state === 'running' && checks.every((check) => check.ok), state, checks };
}

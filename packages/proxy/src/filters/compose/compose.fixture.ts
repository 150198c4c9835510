import { Fields } from '@fairlead/net';
import type { LocalAnswer, SideAnswer, SideRequest } from '../../engine/filter.ts';
import { fail } from '../../errors.ts';
import { filterWorld, type TestPassage, type TestWorld } from '../passage.fixture.ts';
import { composeKind } from './compose-kind.ts';

/** How a cluster answers. */
export interface Scripted {
  readonly status?: number;
  /** As JSON, or bytes as they are. Default an empty object. */
  readonly body?: unknown;
  readonly fields?: Readonly<Record<string, string>>;
  /** Default: at once. */
  readonly afterMs?: number;
  /** Thrown instead. */
  readonly fails?: 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_RESET' | 'UPSTREAM_INVALID';
}

/** What a composition has said, as its client sees it. */
export interface Said {
  readonly status: number;
  readonly cause: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly members: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Milliseconds that it took. */
  readonly tookMs: number;
}

/** A world in which clusters answer as they are told. */
export interface ComposeWorld extends TestWorld {
  /** Requests under way, at most, until now. */
  readonly mostUnderWay: number;
  /** Reads a composition, and answers a request with it; time passes until it has ended. */
  compose(written: object, passage?: TestPassage): Promise<Said>;
}

/** A world where each cluster answers as `script` says of its name. */
export function composeWorld(script: (request: SideRequest) => Scripted): ComposeWorld {
  let underWay = 0;
  let most = 0;
  const world = filterWorld({
    async ask(request) {
      underWay += 1;
      most = Math.max(most, underWay);
      const { afterMs = 0, fails, status = 200, fields = {}, body = {} } = script(request);
      try {
        await world.clock.sleep(Math.min(afterMs, request.timeoutMs));
        if (afterMs > request.timeoutMs) throw fail('UPSTREAM_TIMEOUT', `${request.cluster} did not answer in time.`);
        if (fails !== undefined) throw fail(fails, `${request.cluster} failed.`);
        const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
        if (bytes.length > request.maxBodyBytes) throw fail('UPSTREAM_INVALID', `${request.cluster} said too much.`);
        return { status, fields: new Fields(Object.entries(fields).flat()), body: bytes } satisfies SideAnswer;
      } finally {
        underWay -= 1;
      }
    },
  });
  return Object.defineProperties(world, {
    mostUnderWay: { get: () => most },
    compose: {
      async value(written: object, passage = world.passage()) {
        const filter = composeKind.make(read(written), world);
        const startedAtMs = world.clock.monotonic();
        const asked = Promise.resolve(filter.request?.(passage)).then((said) => ({
          said,
          tookMs: world.clock.monotonic() - startedAtMs,
        }));
        await world.clock.runAll();
        const { said, tookMs } = await asked;
        if (said === undefined) throw new Error('A composition answers every request.');
        return { ...shown(said), tookMs };
      },
    },
  }) as ComposeWorld;
}

/** A composition as it is read; throws what is wrong with it. */
export function read(written: object) {
  return composeKind.schema.parse({ type: 'compose', ...written });
}

function shown({ status, cause, fields = {}, members = {}, body }: LocalAnswer): Omit<Said, 'tookMs'> {
  return { status, cause, fields, members, text: Buffer.isBuffer(body) ? body.toString('utf8') : '' };
}

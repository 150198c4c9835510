import type { Problems } from './problems.ts';
import { Fields, shown, type RatioText } from './readers.ts';

/**
 * Slots are shared among tenants by the time that they hold them, so that a tenant with many calls, or long ones, waits
 * for itself and not the others for it.
 */
export interface FairSpec {
  /** Whose shares: the Context's `tenant`, the calling `service`, or its `subject`. Default `tenant`. */
  readonly by?: 'tenant' | 'service' | 'subject';
  /** Shares by name; who isn't named has 1. A tenant with 2 gets twice the slots' time when all want more. */
  readonly weights?: Readonly<Record<string, number>>;
  /**
   * The most that one tenant may hold of the slots at a time, also while nobody else wants them. Default `100%`, no
   * cap. What is held can't be taken back: a cap of `50%` means that others find a slot at once, for the price of idle
   * ones.
   */
  readonly cap?: RatioText;
  /**
   * The last of the free slots are only for tenants that hold less than their share of all, as long as several tenants
   * are active. Default `5%`, rounded to whole slots; `0%` keeps none. The price is that many idle slots, the gain that
   * a tenant whose calls take unexpectedly long can't collect slot after slot.
   */
  readonly reserve?: RatioText;
  /**
   * How many may wait in all the tenants' queues together; a newcomer then pushes the last of the longest queue out.
   * Default: eight times `concurrency.queue`.
   */
  readonly queueTotal?: number;
  /** So many queues for however many tenants; left out, each has its own. For tenants that anybody can make up. */
  readonly shards?: ShardsSpec;
}

/**
 * Shuffle sharding: a tenant is dealt a hand of queues, by chance but always the same, and joins the shortest. Two
 * tenants hardly ever have the same hand, so even one that fills all its queues leaves others room. The price: accounts
 * are those of queues, so who fills a hand of 8 has up to 8 shares. Weights still count; the cap is a tenant's.
 */
export interface ShardsSpec {
  /** How many queues. Default 64. */
  readonly queues?: number;
  /** How many of them are a tenant's. Default 8; at most half of the queues. */
  readonly hand?: number;
}

/** How slots are shared, as it is used. */
export interface ResolvedFair {
  readonly by: 'tenant' | 'service' | 'subject';
  readonly weights: ReadonlyMap<string, number>;
  /** 0–1. */
  readonly cap: number;
  /** 0–1. */
  readonly reserve: number;
  /** `undefined`: eight times the queue of one tenant. */
  readonly queueTotal: number | undefined;
  readonly shards: { readonly queues: number; readonly hand: number } | undefined;
}

const KEYS = { by: true, weights: true, cap: true, reserve: true, queueTotal: true, shards: true } as const;
const SHARDS = { queues: true, hand: true } as const;

/** Reads `fair`. */
export function resolveFair(spec: unknown, place: Problems): ResolvedFair {
  const fields = new Fields<FairSpec>(spec, place, KEYS);
  const cap = fields.ratio('cap', 1);
  if (cap === 0) fields.at('cap').add(`'0%' would let nobody in; give more, such as '50%', or leave it out`);
  const written = fields.raw('shards');
  return {
    by: fields.choice('by', ['tenant', 'service', 'subject'], 'tenant'),
    weights: resolveWeights(fields.raw('weights'), fields.at('weights')),
    cap,
    reserve: fields.ratio('reserve', 0.05, { max: 0.5 }),
    queueTotal: fields.count('queueTotal', undefined, { min: 1 }),
    shards: written === undefined ? undefined : resolveShards(written, fields.at('shards')),
  };
}

function resolveWeights(written: unknown, place: Problems): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  if (written === undefined) return weights;
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    place.add(`${shown(written)} is no object; write { name: weight }`);
    return weights;
  }
  for (const [name, weight] of Object.entries(written)) {
    if (typeof weight === 'number' && weight > 0 && weight < Infinity) weights.set(name, weight);
    else place.at(name).add(`${shown(weight)} is no weight; give a number above 0`);
  }
  return weights;
}

function resolveShards(written: unknown, place: Problems): { readonly queues: number; readonly hand: number } {
  const fields = new Fields<ShardsSpec>(written, place, SHARDS);
  const queues = fields.count('queues', 64, { min: 2, max: 4_096 });
  const hand = fields.count('hand', Math.min(8, Math.floor(queues / 2)), { min: 1, max: 64 });
  if (hand > queues / 2) {
    const most = Math.floor(queues / 2);
    fields
      .at('hand')
      .add(`${hand} of ${queues} queues would make all hands alike; give at most ${most}, or more queues`);
  }
  return { queues, hand };
}

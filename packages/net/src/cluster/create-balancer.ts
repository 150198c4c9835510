import type { Clock, Random } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import type { BalancerName } from './cluster-options.ts';
import { Maglev } from './maglev.ts';
import { RandomDraw } from './random-draw.ts';
import { RingHash } from './ring-hash.ts';
import { RoundRobin } from './round-robin.ts';
import { LATENCY_COST, REQUEST_COST, TwoChoices } from './two-choices.ts';

/** What a balancer is made of. */
export interface BalancerParts {
  readonly balancer: BalancerName;
  readonly clock: Clock;
  readonly random: Random;
  readonly maxLoadFactor: number;
}

export function createBalancer({ balancer, clock, random, maxLoadFactor }: BalancerParts): Balancer {
  switch (balancer) {
    case 'p2c':
      return new TwoChoices(LATENCY_COST, clock);
    case 'least-request':
      return new TwoChoices(REQUEST_COST, clock);
    case 'round-robin':
      return new RoundRobin(clock, random);
    case 'ring-hash':
      return new RingHash(random, maxLoadFactor);
    case 'maglev':
      return new Maglev(random, maxLoadFactor);
    case 'random':
      return new RandomDraw();
  }
}

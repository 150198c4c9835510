import type { Random } from '@fairlead/core';
import { AdaptiveLimit } from './adaptive-limit.ts';
import type { ResolvedConcurrency } from './concurrency-options.ts';
import { FairLine } from './fair-line.ts';
import { FifoLine } from './fifo-line.ts';
import type { Gate } from './gate.ts';
import { FixedLimit } from './limit.ts';
import { SlotGate } from './slot-gate.ts';

/** The gate that a specification asks for: slots that stay or move, and one line or one for each tenant. */
export function createGate(options: ResolvedConcurrency, ports: { readonly random: Random }): Gate {
  const { adaptive, fair } = options;
  const limit = adaptive === undefined ? new FixedLimit(options.limit) : new AdaptiveLimit(adaptive, ports.random);
  if (fair === undefined) return new SlotGate(options, limit, new FifoLine());
  return new SlotGate(options, limit, new FairLine(fair, ports.random));
}

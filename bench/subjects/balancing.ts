// `node --conditions=@fairlead/source bench/subjects/balancing.ts <balancer>` measures one; without it tables are drawn.

import { BALANCERS, type BalancerName } from '@fairlead/net';
import { balance, SCENES, type BalancingResult } from '../balancing/balancing.ts';
import { shards } from '../balancing/shards.ts';
import { printMeasurement } from './measurement.ts';

const SECONDS = 32;
const SHOWN: readonly BalancerName[] = ['p2c', 'least-request', 'round-robin', 'random'];
const [given] = process.argv.slice(2);

function run(balancer: BalancerName, scene: keyof typeof SCENES, clients: number): Promise<BalancingResult> {
  return balance({ balancer, scene: SCENES[scene], clients, outliers: 'off', seconds: SECONDS, seed: 'balancing' });
}

if (given === undefined) {
  // The keys of an object literal are what its type says.
  for (const scene of Object.keys(SCENES) as (keyof typeof SCENES)[]) {
    for (const clients of [1, 20]) {
      for (const balancer of SHOWN) {
        const { p50Ms, p99Ms, toFirst, failed } = await run(balancer, scene, clients);
        const shares = [toFirst, failed].map((share) => `${(100 * share).toFixed(2)} %`.padStart(9));
        const times = [p50Ms, p99Ms].map((ms) => ms.toFixed(1).padStart(9));
        console.log(scene.padEnd(12), String(clients).padStart(3), balancer.padEnd(14), ...times, ...shares);
      }
    }
  }
  for (const balancer of ['ring-hash', 'maglev'] as const) {
    for (const count of [3, 10, 100]) {
      const { most, least, movedBesides } = await shards(balancer, count);
      const moved = `${(100 * movedBesides).toFixed(2)} %`;
      console.log(balancer.padEnd(10), String(count).padStart(4), least.toFixed(3), most.toFixed(3), moved);
    }
  }
} else {
  const balancer = BALANCERS.find((name) => name === given);
  if (balancer === undefined) throw new Error(`There is no balancer "${given}"; there are ${BALANCERS.join(', ')}.`);
  printMeasurement({
    'slow-p99-ms': (await run(balancer, 'one slow', 20)).p99Ms,
    'small-p99-ms': (await run(balancer, 'one small', 20)).p99Ms,
    'pauses-p99-ms': (await run(balancer, 'pauses', 20)).p99Ms,
    'failing-failed': 100 * (await run(balancer, 'one failing', 20)).failed,
  });
}

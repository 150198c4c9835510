import fc from 'fast-check';
import { anyLocations, anyPath } from '../any-locations.fixture.ts';
import { imported } from '../nginx.fixture.ts';
import { site, type Case } from './case.fixture.ts';

const COUNT = 25;
const { plain, nesting } = anyLocations((words) => `return 200 "${words.replaceAll('$', '.')}";`);
const servers = fc
  .array(fc.oneof({ weight: 3, arbitrary: plain }, nesting), { minLength: 3, maxLength: 7 })
  .map((all) => all.join('\n'));

/** Whether nginx would take it: no location is there twice, and none is outside of its own. */
function isSound(inside: string): boolean {
  try {
    imported(`server { listen 80; ${inside} }`);
    return true;
  } catch {
    return false;
  }
}

/** Locations as they come, always the same ones. */
export const RANDOM_CASES: readonly Case[] = fc
  .sample(servers.filter(isSound), { numRuns: COUNT, seed: 7 })
  .map((inside, at) => ({
    name: `locations as they come, ${at + 1}`,
    config: site(inside),
    requests: [...new Set(fc.sample(anyPath, { numRuns: 16, seed: at }))].map((path) => `GET ${path}`),
  }));

// `npm run conformance -- <suite> <path> [--json]`: suites of others, read from outside of the repository, on our gateway.
//
// suite.ts            what a suite is and says
// gateway-at-test.ts  the gateway that they meet
// cache-tests.ts  deck.ts  wycheproof.ts  h2spec.ts  smuggling.ts  gateway-api.ts   the suites; go-literals.ts and http-route.ts read the last one
import { parseArgs } from 'node:util';
import { cacheTests } from './cache-tests.ts';
import { deck } from './deck.ts';
import { gatewayApi } from './gateway-api.ts';
import { h2spec } from './h2spec.ts';
import { smuggling } from './smuggling.ts';
import { countsOf, waysOf, type Suite } from './suite.ts';
import { wycheproof } from './wycheproof.ts';

const SUITES: Readonly<Record<string, Suite>> = {
  'cache-tests': cacheTests,
  wycheproof,
  'gateway-api': gatewayApi,
  deck,
  h2spec,
  smuggling,
};
const USAGE = `npm run conformance -- <suite> <path> [--json]

  cache-tests <folder>  http-tests/cache-tests, its dependencies installed: the filter cache
  wycheproof <folder>   testvectors_v1 of Wycheproof: JSON Web Signatures against the filter jwt
  gateway-api <folder>  conformance/ of the Gateway API: its HTTPRoutes, and what it expects of requests to them
  deck <folder>         declarative configurations of Kong, decK's tests for example: each loads, or is refused by line and reason
  h2spec <program>      HTTP/2 by the program h2spec
  smuggling <folder>    files of raw requests, each the bytes of one client
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const [name = '', path] = positionals;
  const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined;
  if (suite === undefined || path === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const cases = await suite(path);
  const counts = countsOf(cases);
  if (values.json) process.stdout.write(`${JSON.stringify({ suite: name, counts, cases })}\n`);
  else {
    for (const { name: title, outcome, why } of cases)
      if (outcome !== 'passed') process.stdout.write(`${outcome}  ${title}\n         ${why ?? ''}\n`);
    for (const [way, count] of waysOf(cases)) process.stdout.write(`${String(count).padStart(6)}  ${way}\n`);
    const loads = cases.filter(({ note }) => note === 'loads').length;
    if (loads > 0)
      process.stdout.write(
        `${loads} of ${counts.passed + counts.failed} load: ${Math.round((loads * 100) / (counts.passed + counts.failed))} %\n`,
      );
    process.stdout.write(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
  return counts.failed > 0 ? 1 : 0;
}

process.exitCode = await main();

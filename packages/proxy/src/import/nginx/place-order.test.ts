// The order that locations are told in, by our route table, against nginx's own way to find one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factsOf, routable } from '../../match/facts.fixture.ts';
import { compileRoutes } from '../../match/route-table.ts';
import { anyLocations, anyPath } from './any-locations.fixture.ts';
import { findPlace, placeOfBeginning } from './find-place.ts';
import { NginxProblems } from './nginx-problems.ts';
import { orderPlaces } from './place-order.ts';
import { readPlaces, type Place } from './places.ts';
import { readDirectives } from './read-directives.ts';
import { Scope } from './scope.ts';

function placesOf(text: string): { readonly places: readonly Place[]; readonly problems: number } {
  const problems = new NginxProblems('nginx.conf');
  const directives = readDirectives(text, { file: 'nginx.conf', include: () => [] });
  const places = readPlaces(new Scope(directives, undefined), problems);
  return { places, problems: problems.problems.length };
}

/** As it is written, without what is in it. */
const wordsOf = (place: Place | undefined): string => place?.directive.words.join(' ') ?? 'none';

const { plain: leaf, nesting: outer } = anyLocations(() => '');

test('the first match that fits is the location that nginx finds', () => {
  let compared = 0;
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 3, arbitrary: leaf }, outer), { maxLength: 7 }),
      fc.array(anyPath, { minLength: 6 }),
      (all, asked) => {
        const { places, problems } = placesOf(all.join('\n'));
        const { ordered, tangled } = orderPlaces(places);
        fc.pre(problems === 0 && tangled.length === 0);
        const named = new Map(ordered.map((each, at) => [`r${at}`, each]));
        const table = compileRoutes([...named].map(([name, each]) => routable(name, [{ path: each.path }])));
        for (const each of asked) {
          const decision = table.find(factsOf({ path: each }));
          const found = decision.kind === 'route' ? named.get(decision.route.name) : undefined;
          expect(wordsOf(found?.place), `${each} of\n${all.join('\n')}`).toBe(wordsOf(findPlace(places, each)));
          compared += 1;
        }
      },
    ),
    { numRuns: 400 },
  );
  expect(compared).toBeGreaterThan(500);
});

test('where all paths of a beginning end is known when nothing hangs on what follows', () => {
  fc.assert(
    fc.property(
      fc.array(leaf, { maxLength: 6 }),
      anyPath,
      fc.array(anyPath, { minLength: 3 }),
      (all, beginning, more) => {
        const { places, problems } = placesOf(all.join('\n'));
        fc.pre(problems === 0);
        const found = placeOfBeginning(places, beginning);
        if (found === undefined) return;
        for (const rest of more)
          expect(wordsOf(findPlace(places, `${beginning}${rest.slice(1)}`))).toBe(wordsOf(found.place));
      },
    ),
    { numRuns: 400 },
  );
});

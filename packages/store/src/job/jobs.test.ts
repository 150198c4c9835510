import { deliverySuite } from './testing/delivery-suite.fixture.ts';
import { endingSuite } from './testing/ending-suite.fixture.ts';
import { orderSuite } from './testing/order-suite.fixture.ts';
import { pglitePlaces } from './testing/pglite-place.fixture.ts';

// In memory, on a virtual clock.

const open = pglitePlaces();

deliverySuite(open);
orderSuite(open);
endingSuite(open);

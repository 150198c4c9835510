import { acceptedOrdersSurvive } from './shop/kills.ts';

// `npm run test:faults` kills 200 times.
acceptedOrdersSurvive(Number(process.env['FAIRLEAD_KILLS'] ?? 20));

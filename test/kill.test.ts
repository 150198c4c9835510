import { acceptedOrdersSurvive } from './shop/kills.ts';

// Each process of the shop has fewer turns here than in `kill.int.test.ts`.
acceptedOrdersSurvive(3);

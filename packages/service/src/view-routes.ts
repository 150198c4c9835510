import { get, post, type OwnRoute } from './own-route.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { ServiceInstance } from './service-instance.ts';

/** What every service answers about its projections and replicas. */
export function viewRoutes(instance: ServiceInstance): readonly OwnRoute[] {
  return [
    get(RESERVED_PATHS.views, async ({ ctx }) => ({ items: await instance.views(ctx) })),
    post(RESERVED_PATHS.rebuildView, async ({ ctx, members: { name = '' } }) => instance.rebuildView(ctx, name)),
  ];
}

import type { PlatformModel } from './model.ts';

/** Loads a blueprint. */
export async function loadPlatform(file: string): Promise<PlatformModel> {
  throw new Error(`${file}: not loaded yet`);
}

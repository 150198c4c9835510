import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPlatformDatabases, startSingle, type PlatformDatabases } from '@fairlead/control';
import { loadPlatform, type PlatformModel } from '@fairlead/platform';
import type { Shop } from '../shop/customer.ts';

const blueprint = fileURLToPath(new URL('../../examples/shop/platform.ts', import.meta.url));

/** What a release left: backups of the shop's databases, and which orders were how far. */
export const storedRelease = (version: string): string => fileURLToPath(new URL(`./${version}/`, import.meta.url));

/** The orders of a stored release. */
export interface StoredOrders {
  /** Ended before the backup. */
  readonly confirmed: string;
  readonly cancelled: string;
  /** Reserved, their payment still due: the event is parked at payments, after an attempt that failed. */
  readonly waiting: string;
  /** Placed; nobody but orders knows of it, its event lies in the log only. */
  readonly fresh: string;
}

/** A shop in a folder of its own, started and stopped as often as needed; its databases between runs. */
export class StoredShop implements AsyncDisposable {
  readonly dataDir: string;
  readonly model: PlatformModel;

  private constructor(dataDir: string, model: PlatformModel) {
    this.dataDir = dataDir;
    this.model = model;
  }

  static async make(): Promise<StoredShop> {
    return new StoredShop(await mkdtemp(join(tmpdir(), 'fairlead-stored-')), await loadPlatform(blueprint));
  }

  /** Runs `work` while the shop runs; everything has ended when this resolves. */
  async run<T>(work: (shop: Shop) => Promise<T>): Promise<T> {
    await using platform = await startSingle(this.model, { dataDir: this.dataDir, gatewayPort: 0, adminPort: 0 });
    return await work({
      gatewayUrl: platform.gatewayUrl,
      adminUrl: platform.adminUrl,
      billingUrl: platform.endpoints['billing'] ?? '',
      dataDir: this.dataDir,
    });
  }

  async databases<T>(work: (databases: PlatformDatabases) => Promise<T>): Promise<T> {
    await using databases = await openPlatformDatabases(this.model, { dataDir: this.dataDir });
    return await work(databases);
  }

  /** Restores every database of a stored release. */
  async restore(folder: string): Promise<void> {
    await this.databases(async (databases) => {
      for (const name of databases.names) await databases.restore(name, join(folder, `${name}.backup`));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

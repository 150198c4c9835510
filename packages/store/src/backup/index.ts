export { backupDatabase, type BackupOptions, type BackupSummary } from './backup-database.ts';
export type { BackupHeader, BackupMigration, BackupSequence, BackupTable } from './backup-format.ts';
export { raiseLog } from './raise-log.ts';
export { replacedName, replaceDatabase, type ReplaceOptions } from './replace-database.ts';
export { inspectBackup, restoreDatabase, type RestoreOptions, type RestoreSummary } from './restore-database.ts';
export { archiveLog, type ArchiveOptions, type ArchiveResult } from '../log/log-archive.ts';
export {
  restoreLogArchive,
  type ArchiveRestoreOptions,
  type ArchiveRestoreResult,
} from '../log/log-archive-restore.ts';
export { exportTenant, type TenantExportOptions, type TenantExportResult } from '../log/tenant-export.ts';

export { backupDatabase, type BackupOptions, type BackupSummary } from './backup-database.ts';
export type { BackupHeader, BackupMigration, BackupSequence, BackupTable } from './backup-format.ts';
export { raiseLog } from './raise-log.ts';
export { replacedName, replaceDatabase, type ReplaceOptions } from './replace-database.ts';
export { inspectBackup, restoreDatabase, type RestoreOptions, type RestoreSummary } from './restore-database.ts';

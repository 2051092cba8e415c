import type { ModuleMetadata, Type } from '@nestjs/common';

/** The modules and runners that a role adds to a process. */
export interface RolePart {
  modules: NonNullable<ModuleMetadata['imports']>;
  /** Cron jobs and listeners. No module provides them itself, so that they run only in processes with their role. */
  runners: Type[];
}

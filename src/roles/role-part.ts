import type { ModuleMetadata, Type } from '@nestjs/common';

/** What a role adds to a process. */
export interface RolePart {
  modules: NonNullable<ModuleMetadata['imports']>;
  /** What acts by itself (cron, listener). No module has these among its own providers: they run in their role alone. */
  runners: Type[];
}

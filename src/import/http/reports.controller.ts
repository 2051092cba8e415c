import type { Readable } from 'node:stream';
import { Body, Controller, HttpCode, Inject, Post, Query, UseGuards } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import type { AppConfig } from '../../config/app-config.js';
import { APP_CONFIG } from '../../config/config.module.js';
import { ImportService } from '../import.service.js';
import { ImportBrokenError, type ImportSummary } from '../import-summary.js';
import { bodyStream } from './body-stream.js';
import { ReportsQuery } from './import.query.js';
import { ImportTokenGuard } from './import-token.guard.js';

const MB = 1024 * 1024;

/** Imports a body of any supported file format and any length; reads it no faster than its reports are stored. */
@Controller('import/reports')
@UseGuards(ImportTokenGuard)
export class ReportsController {
  constructor(
    private readonly imports: ImportService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Responds with the ledger of the run. If the body breaks off, the error contains the ledger so far. */
  @Post()
  @HttpCode(200)
  async importReports(
    @Body() body: Readable | undefined,
    @Query() { tracker }: ReportsQuery,
  ): Promise<ImportSummary> {
    const input = bodyStream(body, this.config.IMPORT_MAX_BODY_MB * MB);
    try {
      return await this.imports.importStream(input, { kind: 'http', name: 'the body', tracker });
    } catch (error) {
      if (!(error instanceof ImportBrokenError)) throw error;
      const { code, message, details, summary } = error;
      throw new DomainError(code, message, { cause: error, details: { ...details, ledger: summary } });
    }
  }
}

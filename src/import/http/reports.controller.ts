import type { Readable } from 'node:stream';
import { Body, Controller, HttpCode, Inject, Post, Query, UseGuards } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import type { AppConfig } from '../../config/app-config.js';
import { APP_CONFIG } from '../../config/config.module.js';
import { ImportService } from '../import.service.js';
import { ImportBrokenError, type ImportSummary } from '../import-summary.js';
import { bodyStream } from './body-stream.js';
import { ImportTokenGuard } from './import-token.guard.js';
import { textOf } from './query-text.js';

const MB = 1024 * 1024;

/** Reports of any format that files may have, of any length: read no faster than they are stored. */
@Controller('import/reports')
@UseGuards(ImportTokenGuard)
export class ReportsController {
  constructor(
    private readonly imports: ImportService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Answers with the ledger. Of a body that is broken further on, the error tells what was taken in before. */
  @Post()
  @HttpCode(200)
  async take(@Body() body: Readable | undefined, @Query('tracker') tracker: unknown): Promise<ImportSummary> {
    const input = bodyStream(body, this.config.IMPORT_MAX_BODY_MB * MB);
    try {
      return await this.imports.importStream(input, {
        kind: 'http',
        name: 'the body',
        tracker: textOf('tracker', tracker),
      });
    } catch (error) {
      if (!(error instanceof ImportBrokenError)) throw error;
      const { code, message, details, summary } = error;
      throw new DomainError(code, message, { cause: error, details: { ...details, ledger: summary } });
    }
  }
}

import { Readable } from 'node:stream';
import { Controller, Get, Header, Param, Query, StreamableFile } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { EXPORT_FORMATS } from './export-formats.js';
import { ExportQuery } from './export.query.js';
import { ExportService } from './export.service.js';

/** `GET /export/history.csv?trackerId=1&startTime=…&endTime=…`: streams a file of any length. */
@Controller('export')
export class ExportController {
  constructor(private readonly exports: ExportService) {}

  @Get('history.:format')
  @Header('Cache-Control', 'no-store')
  @Header('X-Content-Type-Options', 'nosniff')
  async history(@Param('format') format: string, @Query() query: ExportQuery): Promise<StreamableFile> {
    const writer = Object.hasOwn(EXPORT_FORMATS, format) ? EXPORT_FORMATS[format] : undefined;
    if (!writer) {
      throw new DomainError(
        'NOT_FOUND',
        `There is no export format ${JSON.stringify(format)}; it must be one of ${Object.keys(EXPORT_FORMATS).join(', ')}`,
      );
    }
    const { trackerId, startTime, endTime, detail } = query;
    const { tracker, rows, end } = await this.exports.export(trackerId, startTime, endTime, detail);
    const document = Readable.from(writer.write(tracker, rows), { objectMode: false });
    // The writer cannot end the export: it may not have started when the client disconnects.
    document.once('close', () => void end());
    return new StreamableFile(document, {
      type: writer.contentType,
      disposition: `attachment; filename="${detail}-${tracker.id}.${format}"`,
    });
  }
}

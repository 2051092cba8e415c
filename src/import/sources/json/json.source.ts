import type { ReportSource, SourceBatch } from '../../report-source.js';
import { textOf } from '../bytes.js';
import type { ParsedReport } from '../field-values.js';
import { batchesAfter, BatchCollector } from '../batch-collector.js';
import { MAX_RAW_TEXT, undecodable } from '../source-errors.js';
import { type ItemPath, type JsonItem, JsonReader, MAX_ITEM, TOO_LARGE } from './json-reader.js';

/**
 * Adds one report of an item, or rejects it if `parse` throws a RejectedItemError.
 *
 * @param part identifies the report if the item has several.
 */
export type Collect = (parse: () => ParsedReport, part?: string) => void;

/** A kind of JSON document. */
export interface JsonFormat {
  /** As in {@link ReportSource.format}. */
  readonly name: string;
  readonly itemPath: ItemPath;
  /** Calls `collect` for each report in an item. @param list key of the item's list. */
  readonly parse: (item: unknown, collect: Collect, list: string) => void;
}

/** Reports of a JSON document of any size. */
export class JsonSource implements ReportSource {
  readonly format: string;

  /** @param name of the source, for messages. */
  constructor(
    private readonly name: string,
    private readonly bytes: AsyncIterable<Buffer>,
    private readonly document: JsonFormat,
  ) {
    this.format = document.name;
  }

  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    const collector = new BatchCollector();
    const reader = new JsonReader(this.name, this.document.itemPath, (item) => {
      this.parse(item, collector);
    });
    const parsed = () => collector.batches();
    for await (const text of textOf(this.bytes)) {
      yield* batchesAfter(() => {
        reader.read(text);
      }, parsed);
    }
    yield* batchesAfter(() => {
      reader.end();
    }, parsed);
  }

  private parse(item: JsonItem, collector: BatchCollector): void {
    const collect: Collect = (parse, part = '') => {
      collector.add(item.line, parse, () => ({ item: this.label(item) + part, rawText: textOfItem(item) }));
    };
    if (item.value === TOO_LARGE) {
      collect(() => {
        throw undecodable(`the item is longer than ${MAX_ITEM} characters`);
      });
    } else {
      this.document.parse(item.value, collect, item.list);
    }
  }

  /** Identifies an item; the line is not enough, as large files are often a single line. */
  private label({ list, index }: JsonItem): string {
    return this.document.itemPath === 'document' ? 'document' : `${list}[${index}]`;
  }
}

/**
 * Serializes an item again, because keeping the text of every item is too expensive. Leaves out large items, many parts
 * of which may be rejected.
 */
function textOfItem({ value, length }: JsonItem): string | undefined {
  return length <= MAX_RAW_TEXT && value !== TOO_LARGE ? JSON.stringify(value) : undefined;
}

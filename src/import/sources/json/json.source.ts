import type { ReportSource, SourceBatch } from '../../report-source.js';
import { textOf } from '../bytes.js';
import type { Decoded } from '../field-values.js';
import { decodedBy, Gathering } from '../gathering.js';
import { MAX_GIVEN, undecodable } from '../source-errors.js';
import { type ItemPlaces, type JsonItem, JsonReader, MAX_ITEM, TOO_LARGE } from './json-reader.js';

/**
 * Counts one thing that an item holds: as a report, or as rejected when `decode` throws a RejectedItemError.
 *
 * @param part which of several it is.
 */
export type Take = (decode: () => Decoded, part?: string) => void;

/** A kind of JSON document. */
export interface JsonFormat {
  /** As in {@link ReportSource.format}. */
  readonly name: string;
  readonly places: ItemPlaces;
  /** @param list key of the list that the item is of. */
  readonly decode: (item: unknown, take: Take, list: string) => void;
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
    const gathered = new Gathering();
    const reader = new JsonReader(this.name, this.document.places, (item) => {
      this.decode(item, gathered);
    });
    const taken = () => gathered.batches();
    for await (const text of textOf(this.bytes)) {
      yield* decodedBy(() => {
        reader.read(text);
      }, taken);
    }
    yield* decodedBy(() => {
      reader.end();
    }, taken);
  }

  private decode(item: JsonItem, gathered: Gathering): void {
    const take: Take = (decode, part = '') => {
      gathered.take(item.line, decode, () => ({ item: this.label(item) + part, given: textOfItem(item) }));
    };
    if (item.value === TOO_LARGE) {
      take(() => {
        throw undecodable(`it is longer than ${MAX_ITEM} characters`);
      });
    } else {
      this.document.decode(item.value, take, item.list);
    }
  }

  /** The line alone would not do: the largest of these files are written on a single one. */
  private label({ list, index }: JsonItem): string {
    return this.document.places === 'document' ? 'document' : `${list}[${index}]`;
  }
}

/** Written anew: it is not worth keeping the text of every item. One that is large may be rejected in many parts. */
function textOfItem({ value, length }: JsonItem): string | undefined {
  return length <= MAX_GIVEN && value !== TOO_LARGE ? JSON.stringify(value) : undefined;
}

import DataLoader from 'dataloader';
import pLimit from 'p-limit';

/** Fields at the top, and look-ups below them, that a request has under way: the pool is for others, too. */
const AT_ONCE = 3;

/** What lives as long as one GraphQL request. */
export class RequestContext {
  /** Two of them: a field that has its turn waits for look-ups. */
  private readonly turns = pLimit(AT_ONCE);
  private readonly loads = pLimit(AT_ONCE);
  private readonly loaders = new Map<object, Map<string, DataLoader<string, unknown>>>();

  /** Does the work of a field at the top of the query, when no more than a few others are under way. */
  limitRootField<T>(work: () => T | Promise<T>): Promise<T> {
    return this.turns(work);
  }

  /**
   * The loader of this request that `owner` batches with: all look-ups of one level of a query become one call.
   *
   * @param owner tells loaders apart; the service that loads.
   * @param load values in the order of the keys; null for those that are not there.
   * @param variant tells what else the look-ups of one owner hang on: what is asked for, arguments of the field.
   */
  loader<T>(
    owner: object,
    load: (keys: readonly string[]) => Promise<(T | null)[]>,
    variant: unknown = '',
  ): DataLoader<string, T | null> {
    const loaders = this.loaders.get(owner) ?? new Map<string, DataLoader<string, unknown>>();
    this.loaders.set(owner, loaders);
    const name = JSON.stringify(variant);
    let loader = loaders.get(name);
    if (!loader) {
      loader = new DataLoader<string, unknown>((keys) => this.loads(() => load(keys)), {
        maxBatchSize: 10_000,
      });
      loaders.set(name, loader);
    }
    return loader as DataLoader<string, T | null>;
  }
}

import DataLoader from 'dataloader';
import pLimit from 'p-limit';

/** Root fields, and look-ups below them, that one request may run at once: other requests need the pool too. */
const CONCURRENCY = 3;

/** State of one GraphQL request. */
export class RequestContext {
  /** Separate limits: a running root field waits for look-ups. */
  private readonly rootFields = pLimit(CONCURRENCY);
  private readonly lookUps = pLimit(CONCURRENCY);
  private readonly loaders = new Map<object, Map<string, DataLoader<string, unknown>>>();

  /** Runs the resolver of a root field once fewer than the allowed number are running. */
  limitRootField<T>(work: () => T | Promise<T>): Promise<T> {
    return this.rootFields(work);
  }

  /**
   * Returns the loader of this request that batches for `owner`: all look-ups of one level of a query become one call.
   *
   * @param owner the service that loads; each service has its own loaders.
   * @param load returns values in the order of the keys; null for keys that do not exist.
   * @param variant distinguishes loaders of one owner, e.g. by arguments of the field.
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
      loader = new DataLoader<string, unknown>((keys) => this.lookUps(() => load(keys)), {
        maxBatchSize: 10_000,
      });
      loaders.set(name, loader);
    }
    return loader as DataLoader<string, T | null>;
  }
}

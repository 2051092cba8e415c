import DataLoader from 'dataloader';

/** What lives as long as one GraphQL request. */
export class RequestContext {
  private readonly loaders = new Map<object, Map<string, DataLoader<string, unknown>>>();

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
      loader = new DataLoader<string, unknown>(load, { maxBatchSize: 10_000 });
      loaders.set(name, loader);
    }
    return loader as DataLoader<string, T | null>;
  }
}

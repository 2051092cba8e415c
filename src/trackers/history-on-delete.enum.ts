/** What happens to the location history of a deleted tracker. */
export enum HistoryOnDelete {
  KEEP = 'KEEP',
  ERASE = 'ERASE',
}

/** What becomes of the location history of a tracker that is deleted. */
export enum HistoryOnDelete {
  KEEP = 'KEEP',
  ERASE = 'ERASE',
}

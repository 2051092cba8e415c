import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  findDayLockHolders,
  type LongTransaction,
  findLongTransactions,
  type OtherTransaction,
} from '../database/other-transactions.js';

@Injectable()
export class TransactionsHealthRepository {
  constructor(private readonly db: DataSource) {}

  /** Transactions that have been open for this many seconds and hold back others. */
  long(seconds: number): Promise<LongTransaction[]> {
    return findLongTransactions(this.db, seconds);
  }

  /** The oldest day that is due to be closed, and the transactions that use its tables; null when none is due. */
  async dueDay(): Promise<{ day: Date; holders: OtherTransaction[] } | null> {
    const [due] = await this.db.query<{ day: Date }[]>(
      'SELECT closed_before AS day FROM history_state WHERE closed_before < midnight_before(raw_retention_hours)',
    );
    return due ? { day: due.day, holders: await findDayLockHolders(this.db) } : null;
  }
}

import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { TrackerStatus } from './tracker-status.enum.js';

/** A row of `trackers`; sql/migrations/0001/common/trackers.sql has the constraints. */
@Entity('trackers')
export class TrackerEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'advertisement_key', type: 'text', nullable: true })
  advertisementKey!: string | null;

  @Column({ name: 'hashed_adv_key', type: 'text' })
  hashedAdvKey!: string;

  @Column({ name: 'mac_address', type: 'text', nullable: true })
  macAddress!: string | null;

  @Column({ name: 'current_status', type: 'enum', enum: TrackerStatus, enumName: 'tracker_status' })
  currentStatus!: TrackerStatus;

  @Column({ name: 'last_report_received', type: 'timestamptz', precision: 3, nullable: true })
  lastReportReceived!: Date | null;

  @Column({ name: 'last_report_requested', type: 'timestamptz', precision: 3, nullable: true })
  lastReportRequested!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3 })
  updatedAt!: Date;
}

import { at, type TestReport } from '../support/history-oracle.js';

type Row = [key: string, size: '1 hour' | '1 day', bucket: string, reports: number, latitude: number];

/** Reports, and the rows that history must show on every engine. */
export interface ReportScenario {
  name: string;
  /** Statements, each with its reports. */
  given: (today: Date) => TestReport[][];
  rows: (today: Date) => Row[];
}

const report = (key: string, moment: Date, latitude: number, more: Partial<TestReport> = {}): TestReport => ({
  key,
  at: moment,
  latitude,
  longitude: -0.1278,
  ...more,
});
const hour = (today: Date, days: number, time: string): string =>
  at(today, days, `${time}:00:00.000`).toISOString();
const day = (today: Date, days: number): string => at(today, days, '00:00:00.000').toISOString();

/** Yesterday is shown as hours, the day before as a day; older reports are late. */
export const REPORT_SCENARIOS: ReportScenario[] = [
  {
    name: 'shows hours from yesterday on and days before',
    given: (today) => [
      [report('a', at(today, -1, '10:15:00'), 1), report('a', at(today, -2, '10:15:00'), 2)],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -2), 1, 2],
      ['a', '1 hour', hour(today, -1, '10'), 1, 1],
    ],
  },
  {
    name: 'shows the newest report of a bucket, in whatever order they come',
    given: (today) => [
      [report('a', at(today, -1, '10:30:00'), 3)],
      [report('a', at(today, -1, '10:59:59.999'), 4), report('a', at(today, -1, '10:00:00'), 5)],
      [report('a', at(today, -1, '10:45:00'), 6)],
    ],
    rows: (today) => [['a', '1 hour', hour(today, -1, '10'), 4, 4]],
  },
  {
    name: 'counts a duplicate once, in one statement and in two',
    given: (today) => [
      [report('a', at(today, -1, '10:30:00'), 3), report('a', at(today, -1, '10:30:00'), 3)],
      [report('a', at(today, -1, '10:30:00'), 3)],
    ],
    rows: (today) => [['a', '1 hour', hour(today, -1, '10'), 1, 3]],
  },
  {
    name: 'keeps the first of two places in the same millisecond',
    given: (today) => [
      [report('a', at(today, -1, '10:30:00.123'), 3)],
      [report('a', at(today, -1, '10:30:00.123'), 4)],
      [report('a', at(today, -1, '10:30:00.124'), 5)],
    ],
    rows: (today) => [['a', '1 hour', hour(today, -1, '10'), 2, 5]],
  },
  {
    name: 'splits days at midnight UTC',
    given: (today) => [
      [
        report('a', at(today, -2, '00:00:00.000'), 1),
        report('a', at(today, -2, '23:59:59.999'), 2),
        report('a', at(today, -1, '00:00:00.000'), 3),
        report('a', at(today, -1, '23:59:59.999'), 4),
      ],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -2), 2, 2],
      ['a', '1 hour', hour(today, -1, '00'), 1, 3],
      ['a', '1 hour', hour(today, -1, '23'), 1, 4],
    ],
  },
  {
    name: 'merges late reports into their days, and leaves the other trackers alone',
    given: (today) => [
      [report('a', at(today, -4, '10:00:00'), 1), report('b', at(today, -4, '11:00:00'), 2)],
      [report('a', at(today, -4, '09:00:00'), 3)],
      [report('a', at(today, -4, '12:00:00'), 4), report('a', at(today, -40, '12:00:00'), 5)],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -40), 1, 5],
      ['a', '1 day', day(today, -4), 3, 4],
      ['b', '1 day', day(today, -4), 1, 2],
    ],
  },
  {
    name: 'counts late duplicates once, in one statement and in two',
    given: (today) => [
      [report('a', at(today, -4, '10:00:00'), 1), report('a', at(today, -4, '10:00:00'), 1)],
      [report('a', at(today, -4, '10:00:00'), 1), report('a', at(today, -4, '10:00:00.001'), 2)],
    ],
    rows: (today) => [['a', '1 day', day(today, -4), 2, 2]],
  },
  {
    name: 'accepts one statement with reports on both sides of the horizon',
    given: (today) => [
      [
        report('a', at(today, -1, '10:00:00'), 1),
        report('a', at(today, -2, '10:00:00'), 2),
        report('a', at(today, -3, '10:00:00'), 3),
        report('a', at(today, -10, '10:00:00'), 4),
      ],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -10), 1, 4],
      ['a', '1 day', day(today, -3), 1, 3],
      ['a', '1 day', day(today, -2), 1, 2],
      ['a', '1 hour', hour(today, -1, '10'), 1, 1],
    ],
  },
  {
    name: 'keeps the city of an older report, and the newest city of several',
    given: (today) => [
      [report('a', at(today, -1, '10:00:00'), 1, { city: 'Paris' })],
      [report('a', at(today, -1, '10:30:00'), 2)],
      [report('a', at(today, -1, '10:15:00'), 3, { city: 'Lyon' })],
      [report('a', at(today, -5, '10:00:00'), 1, { city: 'Rome' })],
      [report('a', at(today, -5, '11:00:00'), 2)],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -5), 2, 2],
      ['a', '1 hour', hour(today, -1, '10'), 3, 2],
    ],
  },
  {
    name: 'has the confidence and accuracy of the newest report, and the greatest confidence',
    given: (today) => [
      [report('a', at(today, -1, '10:00:00'), 1, { confidence: 100, accuracy: 5 })],
      [report('a', at(today, -1, '10:10:00'), 2, { confidence: 1, accuracy: 90.5 })],
      [report('a', at(today, -6, '10:00:00'), 3, { confidence: 3 })],
      [report('a', at(today, -6, '09:00:00'), 4, { confidence: 255, accuracy: 0 })],
    ],
    rows: (today) => [
      ['a', '1 day', day(today, -6), 2, 3],
      ['a', '1 hour', hour(today, -1, '10'), 2, 2],
    ],
  },
];

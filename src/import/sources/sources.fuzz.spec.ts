import { describe, expect, it } from '@jest/globals';
import { Random } from '../../../test/support/random.js';
import { MOTIONS } from '../../common/telemetry.js';
import { REJECTION_REASONS, type Telemetry } from '../report-source.js';
import { EXAMPLE_FILES } from './testing/examples.js';
import { readAll, type Reading } from './testing/read-all.js';

const SPLICES = [
  ...[
    '<',
    '>',
    '&',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ';',
    ':',
    ']]>',
    '<!--',
    '<![CDATA[',
    '<!DOCTYPE x [',
    '<?',
  ],
  ...[
    '\u0000',
    '\n',
    '\r',
    '\t',
    '\uFEFF',
    '9e99',
    '\\u',
    '""',
    '{"',
    '[[[[[[',
    '"_type":',
    '"type":"Feature",',
  ],
];

/** readAll throws any error other than a DomainError, which fails the test. */
async function check(input: Buffer, chunkSize: number): Promise<Reading> {
  const reading = await readAll(input, chunkSize);
  // One expectation per input, because these tests read about ten thousand inputs.
  expect([...faultsOf(reading)]).toEqual([]);
  return reading;
}

function isSoundTelemetry(
  { altitude, speed, course, battery, motion }: Telemetry,
  anyRange: boolean,
): boolean {
  const within = (value: number | undefined, least: number, most: number): boolean =>
    value === undefined || (Number.isFinite(value) && (anyRange || (value >= least && value <= most)));
  return (
    within(altitude, -12_000, 100_000) &&
    within(speed, 0, 1000) &&
    within(course, 0, 360) &&
    (anyRange || course !== 360) &&
    within(battery, 0, 100) &&
    Number.isInteger(battery ?? 0) &&
    (motion === undefined || MOTIONS.includes(motion))
  );
}

function* faultsOf({ format, reports, rejected, error }: Reading): Generator {
  let last = 1;
  for (const report of reports) {
    const { position, timestamp, latitude, longitude } = report;
    const isSound =
      Number.isInteger(position) &&
      position >= last &&
      new Date(timestamp).toISOString() === timestamp &&
      Number.isFinite(latitude) &&
      Number.isFinite(longitude) &&
      isSoundTelemetry(report, format === 'ndjson');
    if (!isSound) yield report;
    last = position;
  }
  for (const item of rejected) {
    const { position, reason, message } = item;
    const isSound =
      position >= 1 && REJECTION_REASONS.includes(reason) && /^[^\u0000-\u001f]{1,400}$/.test(message);
    if (!isSound) yield item;
  }
  if (error && (error.code !== 'BAD_USER_INPUT' || !/^walk: [^\u0000-\u001f]{1,800}$/.test(error.message))) {
    yield error;
  }
}

describe('any input', () => {
  it.each(EXAMPLE_FILES)('is read up to any truncation: $name', async (file) => {
    const { bytes, hasEndMark, reports, rejected } = file;
    const whole = await check(bytes, 65_536);
    expect(whole).toMatchObject({ format: file.format, error: undefined });
    expect([whole.reports.length, whole.rejected.length]).toEqual([reports, rejected]);
    const end = file.content.trimEnd() === file.content ? bytes.length : bytes.length - 1;
    for (let length = 0; length < bytes.length; length++) {
      const truncated = await check(bytes.subarray(0, length), 1 + (length % 50));
      expect(whole.reports.slice(0, truncated.reports.length)).toEqual(truncated.reports);
      // A truncation is reported, except between two lines of a format without an end mark.
      const isReported =
        truncated.error !== undefined || truncated.rejected.some(({ reason }) => reason === 'undecodable');
      expect(isReported || !hasEndMark || length >= end).toBe(true);
    }
  });

  it('yields the same items however it is split into chunks', async () => {
    for (const { bytes } of EXAMPLE_FILES) {
      const whole = await check(bytes, 65_536);
      for (let size = 1; size < 60; size += 1 + (size >> 3)) {
        expect(await check(bytes, size)).toEqual(whole);
      }
    }
  });

  it('fails with BAD_USER_INPUT or not at all when spliced at random', async () => {
    const random = new Random(20_250_617);
    for (let round = 0; round < 2500; round++) {
      let file = random.pick(EXAMPLE_FILES).bytes;
      for (let splices = 1 + random.int(3); splices > 0 && file.length > 0; splices--) {
        const at = random.int(file.length);
        const until = random.oneIn(3) ? random.int(file.length) : at + random.int(4);
        const inserted = random.oneIn(2)
          ? Buffer.from(random.pick(SPLICES))
          : random.pick(EXAMPLE_FILES).bytes.subarray(random.int(file.length), random.int(file.length));
        file = Buffer.concat([file.subarray(0, at), inserted, file.subarray(until)]);
      }
      await check(file, 1 + random.int(200));
    }
  });

  it('fails with BAD_USER_INPUT or not at all when it consists of random bytes', async () => {
    const random = new Random(7);
    const beginnings = [
      '',
      '{"',
      '<gpx>',
      '\u001f',
      '\uFEFF{',
      '<?xml',
      '{}\n',
      'time,lat,lon\n',
      '[{"_type":',
    ].map((text) => Buffer.from(text));
    beginnings.push(Buffer.from('1f8b0800000000000003', 'hex'));
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: random.int(300) }, () => random.int(256)));
      await check(
        Buffer.concat([beginnings[round % beginnings.length] ?? bytes, bytes]),
        1 + random.int(100),
      );
    }
  });
});

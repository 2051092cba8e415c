import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { HISTORY, historyQuery } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

const HASH = Buffer.alloc(32, 1).toString('base64');
const CREATE = 'mutation ($input: CreateTrackerInput!) { createTracker(input: $input) { id } }';

describeOnEveryEngine('the validation of GraphQL input', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('good');
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  it.each(['locationHistoryAggregated', 'locationHistoryByTimeRange', 'refreshLocationHistoryAggregates'])(
    'rejects an unknown tracker in %s',
    async (field) => {
      const text = historyQuery({ trackerId: '"987654321"' }).replace(HISTORY, field);
      const query = {
        locationHistoryAggregated: text,
        locationHistoryByTimeRange: text.replace(', bucketSize: "1 day"', ''),
        refreshLocationHistoryAggregates: `mutation ${text.replace(', bucketSize: "1 day"', '').replace('{ id }', '')}`,
      }[field] as string;
      expect(await api.error(query)).toMatchObject({
        message: 'There is no tracker with the id 987654321',
        path: [field],
        extensions: { code: 'NOT_FOUND', argument: 'trackerId' },
      });
    },
  );

  it.each(['abc', '', ' 1', '-1', '1.0', '0x1', '99999999999999999999', '9223372036854775808', '１', '\0'])(
    'rejects the id %j',
    async (id) => {
      expect(await api.error(historyQuery({ trackerId: JSON.stringify(id) }))).toMatchObject({
        message: `trackerId must be a whole number from 0 to 9223372036854775807, not ${JSON.stringify(id)}`,
        extensions: { code: 'BAD_USER_INPUT', argument: 'trackerId' },
      });
      expect((await api.error('query ($id: ID!) { tracker(id: $id) { id } }', { id })).extensions).toEqual({
        code: 'BAD_USER_INPUT',
        argument: 'id',
      });
    },
  );

  it.each(['2 hours', '1 Day', '', "1 day'; DROP TABLE trackers"])(
    'rejects the bucket size %j',
    async (size) => {
      expect(await api.error(historyQuery({ bucketSize: JSON.stringify(size) }))).toMatchObject({
        message: `bucketSize must be "1 hour" or "1 day", not ${JSON.stringify(size)}`,
        extensions: { code: 'BAD_USER_INPUT', argument: 'bucketSize' },
      });
    },
  );

  it.each(['2025-01-01T00:00:00Z', '2024-12-31T23:59:59.999Z', '2025-01-01T05:00:00+05:30'])(
    'rejects an endTime at or before the startTime: %s',
    async (endTime) => {
      expect(await api.error(historyQuery({ endTime: JSON.stringify(endTime) }))).toMatchObject({
        message: expect.stringMatching(/^startTime \(2025-01-01T00:00:00.000Z\) must be before endTime \(20/),
        extensions: { code: 'BAD_USER_INPUT', argument: 'endTime' },
      });
    },
  );

  describe.each(['startTime', 'endTime'])('of %s', (argument) => {
      it.each([
        'garbage', '', true, 12345, 1.5, '2025-01-01', '2025-01-01T00:00:00', '2025-02-30T00:00:00Z', '2025-01-01T24:00:00Z',
        'now', '0000-01-01T00:00:00Z', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', null, [], {},
      ])('rejects %j', async (value) => {
        const literal = await api.error(historyQuery({ [argument]: JSON.stringify(value) }));
        expect(literal).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } });
        expect(literal.message).toMatch(/DateTime/);
        const text = `query ($time: DateTime!) ${historyQuery({ [argument]: '$time' })}`;
        const variable = await api.error(text, { time: value });
        expect(variable).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
        expect(variable.message).toMatch(/^Variable "\$time" .*DateTime/);
      });
    }); // prettier-ignore

  it('accepts the whole range of times', async () => {
    const range = {
      trackerId: '"1"',
      startTime: '"0001-01-01T00:00:00Z"',
      endTime: '"9999-12-31T23:59:59.999Z"',
    };
    for (const bucketSize of ['"1 day"', '"1 hour"']) await api.data(historyQuery({ ...range, bucketSize }));
    const args = `trackerId: "1", startTime: ${range.startTime}, endTime: ${range.endTime}`;
    await api.data(`{ locationHistoryByTimeRange(${args}) { id } }`);
    await api.data(`mutation { refreshLocationHistoryAggregates(${args}) }`);
  });

  it.each([
      ['an empty name', { name: '', hashedAdvertisementKey: HASH }, 'name'],
      ['a blank name', { name: ' \u00a0', hashedAdvertisementKey: HASH }, 'name'],
      ['a name of 201 characters', { name: 'x'.repeat(201), hashedAdvertisementKey: HASH }, 'name'],
      ['U+0000 in a name', { name: 'a\0b', hashedAdvertisementKey: HASH }, 'name'],
      ['a line break in a name', { name: 'a\nb', hashedAdvertisementKey: HASH }, 'name'],
      ['an invisible character in a name', { name: 'a\u200bb', hashedAdvertisementKey: HASH }, 'name'],
      ['a joiner after ASCII', { name: 'ab\u200d', hashedAdvertisementKey: HASH }, 'name'],
      ['a right-to-left override in a name', { name: 'a\u202eb', hashedAdvertisementKey: HASH }, 'name'],
      ['an invisible name', { name: '\u3164', hashedAdvertisementKey: HASH }, 'name'],
      ['an unpaired surrogate in a name', { name: 'a\ud800', hashedAdvertisementKey: HASH }, 'name'],
      ['no key', { name: 'x' }, 'hashedAdvertisementKey'],
      ['null as key', { name: 'x', advertisementKey: null }, 'hashedAdvertisementKey'],
      ['an empty key', { name: 'x', advertisementKey: '' }, 'advertisementKey'],
      ['a key that is not base64', { name: 'x', advertisementKey: '!'.repeat(40) }, 'advertisementKey'],
      ['a key of 27 bytes', { name: 'x', advertisementKey: Buffer.alloc(27).toString('base64') }, 'advertisementKey'],
      ['a key of 29 bytes', { name: 'x', advertisementKey: Buffer.alloc(29).toString('base64') }, 'advertisementKey'],
      ['a key with a space', { name: 'x', advertisementKey: ` ${Buffer.alloc(28).toString('base64')}` }, 'advertisementKey'],
      ['a hash of 31 bytes', { name: 'x', hashedAdvertisementKey: Buffer.alloc(31).toString('base64') }, 'hashedAdvertisementKey'],
      ['base64url', { name: 'x', hashedAdvertisementKey: `${'-'.repeat(43)}=` }, 'hashedAdvertisementKey'],
      ['non-zero padding bits', { name: 'x', hashedAdvertisementKey: `${'A'.repeat(42)}B=` }, 'hashedAdvertisementKey'],
      [
        'a key and the hash of another key',
        { name: 'x', advertisementKey: Buffer.alloc(28).toString('base64'), hashedAdvertisementKey: HASH },
        'hashedAdvertisementKey',
      ],
      ['a wrong MAC address', { name: 'x', hashedAdvertisementKey: HASH, macAddress: '00:11:22' }, 'macAddress'],
    ])('rejects a tracker with %s', async (_what, input, argument) => {
      const before = await db.value('SELECT count(*) FROM trackers');
      const { message, extensions } = await api.error(CREATE, { input });
      expect(message).toContain(argument);
      expect(extensions.code).toBe('BAD_USER_INPUT');
      expect(extensions.argument ?? extensions.arguments).toEqual(extensions.argument ? argument : [argument]);
      expect(await db.value('SELECT count(*) FROM trackers')).toBe(before);
    }); // prettier-ignore

  it.each([
    ['an unknown status', { name: 'x', hashedAdvertisementKey: HASH, currentStatus: 'LOST' }],
    ['a number as name', { name: 5, hashedAdvertisementKey: HASH }],
    ['no name', { hashedAdvertisementKey: HASH }],
    ['an unknown field', { name: 'x', hashedAdvertisementKey: HASH, id: '5' }],
  ])('rejects a tracker with %s, because of the schema', async (_what, input) => {
    expect((await api.error(CREATE, { input })).extensions).toEqual({ code: 'BAD_USER_INPUT' });
  });

  it.each(['limit: 0', 'limit: -1', 'limit: 10001', 'offset: -1'])('rejects trackers(%s)', async (args) => {
    const argument = args.split(':')[0] as string;
    expect(await api.error(`{ trackers(${args}) { id } }`)).toMatchObject({
      message: expect.stringContaining(argument),
      extensions: { code: 'BAD_USER_INPUT', arguments: [argument] },
    });
  });

  it.each([
    ['{ trackers { id }', 'GRAPHQL_PARSE_FAILED'],
    ['', 'BAD_REQUEST'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ trackers { password } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ trackers }', 'GRAPHQL_VALIDATION_FAILED'],
    ['query A { __typename } query B { __typename }', 'OPERATION_RESOLUTION_FAILURE'],
  ])('rejects the query %j', async (query, code) => {
    expect((await api.error(query)).extensions).toEqual({ code });
  });
});

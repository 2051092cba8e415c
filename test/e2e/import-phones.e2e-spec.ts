import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { gzipSync } from 'node:zlib';
import { ImportScene } from '../support/scenes/import-scene.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf } from '../support/history.js';

describeOnEveryEngine('phones', (engine) => {
  const scene = new ImportScene(engine, { env: { APP_ROLES: 'api' }, api: true, tracker: 'jane/phone' });

  const reportOf = (i: number): TestReport => ({
    key: scene.key,
    at: new Date(at(scene.today, -1, '06:00:00').getTime() + i * 1000),
    latitude: 50 + i / 1000,
    longitude: 8,
    accuracy: 12,
  });
  const ledger = (): Promise<unknown[]> =>
    scene.db.query(
      'SELECT kind, name, outcome, read, stored, late, duplicate, rejected FROM import_runs ORDER BY id',
    );
  const quarantine = (): Promise<unknown[]> =>
    scene.db.query('SELECT reason, tracker FROM rejected_reports ORDER BY id');
  const post = (path: string, body: unknown): request.Test =>
    request(scene.api.server)
      .post(`/import/${path}`)
      .type(Buffer.isBuffer(body) ? 'application/gzip' : 'application/json')
      .send(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));

  describe('OwnTracks', () => {
    const location = (i: number, more: Record<string, unknown> = {}): Record<string, unknown> => {
      const { at: moment, latitude, longitude, accuracy } = reportOf(i);
      return {
        _type: 'location', BSSID: 'b0:f2:8:45:94:33', acc: accuracy, batt: 94, lat: latitude, lon: longitude, t: 'p',
        tid: 'RO', topic: 'owntracks/jane/phone', tst: moment.getTime() / 1000, vel: 5, ...more,
      }; // prettier-ignore
    };

    it('gets an empty list, and its reports are assigned by user and device', async () => {
      const withoutTopic = (i: number): Record<string, unknown> => location(i, { topic: undefined });
      for (const one of [
        post('owntracks?u=jane&d=phone', withoutTopic(0)),
        post('owntracks', withoutTopic(1)).set('x-limit-u', 'jane').set('x-limit-d', 'phone'),
        post('owntracks', location(2)),
        post('owntracks?u=jane&d=phone', location(3, { topic: 'owntracks/other/device' })),
        post('owntracks?u=jane&d=phone', location(0)),
        post('owntracks', gzipSync(JSON.stringify(location(4)))),
      ]) {
        const answer = await one;
        expect([answer.status, answer.body]).toEqual([200, []]);
      }
      expect(await ledger()).toEqual([
        { kind: 'owntracks', name: 'OwnTracks', outcome: 'completed', read: 6, stored: 5, late: 0, duplicate: 1, rejected: 0 },
      ]); // prettier-ignore
      // The speed is 5 km/h in metres per second.
      await expectHistoryOf(
        scene.db,
        [0, 1, 2, 3, 4].map((i) => ({ ...reportOf(i), battery: 94, speed: 1.389 })),
      );
    });

    it('gets a success response for rejected messages, which are in the quarantine', async () => {
      for (const message of [
        { _type: 'transition', event: 'leave', tst: 1_709_317_655, topic: 'owntracks/jane/phone/event' },
        location(0, { topic: 'owntracks/jane/watch' }),
        location(1, { topic: undefined }),
        location(2, { lat: 91 }),
      ]) {
        expect((await post('owntracks', message)).body).toEqual([]);
      }
      expect(await ledger()).toMatchObject([{ read: 4, stored: 0, rejected: 4 }]);
      expect(await quarantine()).toEqual([
        { reason: 'not_a_report', tracker: null },
        { reason: 'unknown_tracker', tracker: 'jane/watch' },
        { reason: 'unknown_tracker', tracker: null },
        { reason: 'out_of_range', tracker: null },
      ]);
    });

    it.each(['', ' \n'])('may send an empty body: %j', async (body) => {
      const answer = await post('owntracks', body);
      expect([answer.status, answer.body]).toEqual([200, []]);
      expect(await ledger()).toEqual([]);
    });

    it.each([
      [
        'an encrypted message',
        '{"_type":"encrypted","data":"c2VjcmV0"}',
        400,
        /encrypted.*nothing was stored/,
      ],
      ['broken JSON', '{"_type":"location","lat":', 400, /not valid JSON/],
      ['damaged gzip', Buffer.from('1f8b08ffff', 'hex'), 400, /gzip data is damaged/],
      ['an unknown document', '{"hello":"world","a":[{"b":1}]}', 400, /./],
      ['a body that is too long', ' '.repeat(9 * 1024 * 1024), 413, /longer than/],
    ])('gets an error for %s, so it keeps the message', async (_what, body, status, message) => {
      const answer = await post('owntracks?u=jane&d=phone', body);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ error: { message: expect.stringMatching(message) as unknown } });
      expect(
        await scene.db.value('SELECT count(*) FROM location_reports WHERE hashed_adv_key = $1', [scene.key]),
      ).toBe(0);
    });
  });

  describe('Overland', () => {
    const feature = (i: number, device: string | undefined): Record<string, unknown> => {
      const { at: moment, latitude, longitude, accuracy } = reportOf(i);
      return {
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [longitude, latitude] },
        properties: {
          timestamp: moment.toISOString(),
          horizontal_accuracy: accuracy,
          device_id: device,
          motion: ['driving'],
        },
      };
    };

    it('gets ok once its batch is stored, also the second time', async () => {
      const locations = [0, 1, 2].map((i) => feature(i, 'jane/phone'));
      for (let round = 0; round < 2; round++) {
        const answer = await post('overland', { locations });
        expect([answer.status, answer.body]).toEqual([200, { result: 'ok' }]);
      }
      expect(await ledger()).toEqual([
        { kind: 'overland', name: 'Overland', outcome: 'completed', read: 6, stored: 3, late: 0, duplicate: 3, rejected: 0 },
      ]); // prettier-ignore
      await expectHistoryOf(
        scene.db,
        [0, 1, 2].map((i) => ({ ...reportOf(i), motion: 'driving' })),
      );
    });

    it('is assigned by the tracker in the query, whatever its device name', async () => {
      const locations = [feature(0, ''), feature(1, undefined), feature(2, 'other')];
      const answer = await post('overland?tracker=jane/phone', { locations });
      expect(answer.body).toEqual({ result: 'ok' });
      await expectHistoryOf(
        scene.db,
        [0, 1, 2].map((i) => ({ ...reportOf(i), motion: 'driving' })),
      );
    });

    it('gets ok for an unknown device, because it would resend the batch forever', async () => {
      expect((await post('overland', { locations: [feature(0, 'watch')] })).body).toEqual({ result: 'ok' });
      expect((await post('overland?tracker=nobody', { locations: [feature(0, '')] })).body).toEqual({
        result: 'ok',
      });
      expect(await quarantine()).toEqual([
        { reason: 'unknown_tracker', tracker: 'watch' },
        { reason: 'unknown_tracker', tracker: 'nobody' },
      ]);
    });

    it('may send an empty batch', async () => {
      expect((await post('overland', { locations: [] })).body).toEqual({ result: 'ok' });
      expect(await ledger()).toEqual([]);
    });

    it.each([
      ['an empty body', ''],
      ['broken JSON', '{"locations":[{"type":"Feature"'],
      ['an unknown document', '{"points":[{"b":1}]}'],
    ])('gets an error for %s, and nothing is stored', async (_what, body) => {
      const answer = await post('overland', body);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ error: { code: 'BAD_USER_INPUT' } });
      expect(
        await scene.db.value('SELECT count(*) FROM location_reports WHERE hashed_adv_key = $1', [scene.key]),
      ).toBe(0);
    });
  });
});

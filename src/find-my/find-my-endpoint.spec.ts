import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Fault, FakeFindMy } from '../../test/support/fake-find-my.js';
import { loadConfig } from '../config/app-config.js';
import { EndpointRefusedError, FindMyEndpoint, NotAnsweredError } from './find-my-endpoint.js';
import { sealReport } from './testing/seal-report.js';

const ADVERTISED = '6qo5suoEETuel0Jr/bSIS7rnh+Nyew1GO/D0GQ==';
const PASSWORD = 'correct horse';

describe('FindMyEndpoint', () => {
  let fake: FakeFindMy;

  beforeEach(async () => {
    fake = await FakeFindMy.start();
  });
  afterEach(() => fake.stop());

  const endpoint = (env: Record<string, string> = {}): FindMyEndpoint =>
    new FindMyEndpoint(loadConfig({ FIND_MY_ENDPOINT_URL: fake.url, FIND_MY_TIMEOUT_MS: '20000', ...env }));
  const report = (id: string, secondsAgo: number): void => {
    const at = new Date(Date.now() - secondsAgo * 1000);
    const seen = { at, confidence: 1, latitude: 1, longitude: 2, accuracy: 3, status: 0 };
    const payload = sealReport(ADVERTISED, seen).toString('base64');
    fake.reports.push({ id, payload, datePublished: at.getTime() });
  };
  const failure = async (env?: Record<string, string>): Promise<Error> => {
    const outcome = await endpoint(env)
      .fetchReports(['a'])
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    if (!(outcome instanceof Error)) throw new Error('the call succeeded');
    return outcome;
  };

  it('requests the last seven days and returns the reports, newest first', async () => {
    report('a', 86_400);
    report('b', 10);
    report('c', 20);
    report('a', 8 * 86_400); // before the window
    const answer = await endpoint().fetchReports(['a', 'b']);
    expect(answer.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(fake.calls).toEqual([{ ids: ['a', 'b'], days: 7, authorization: undefined }]);
  });

  it('returns an empty list for an answer without reports', async () => {
    expect(await endpoint().fetchReports(['a'])).toEqual([]);
  });

  it('returns only one of two reports of the same second, so keys of two trackers never share a call', async () => {
    report('a', 10);
    const [first] = fake.reports;
    fake.reports.push({ ...(first as (typeof fake.reports)[0]), id: 'b' });
    expect(await endpoint().fetchReports(['a', 'b'])).toHaveLength(1);
    expect(await endpoint().fetchReports(['a'])).toHaveLength(1);
    expect(await endpoint().fetchReports(['b'])).toHaveLength(1);
  });

  it('authenticates with HTTP Basic', async () => {
    fake.user = 'jürgen';
    fake.password = PASSWORD;
    const env = { FIND_MY_USER: 'jürgen', FIND_MY_PASSWORD: PASSWORD };
    expect(await endpoint(env).fetchReports(['a'])).toEqual([]);
  });

  it.each([
    ['wrong', { FIND_MY_USER: 'me', FIND_MY_PASSWORD: 'wrong secret' }],
    ['missing', {}],
  ])('reports a %s password without revealing it', async (_what, env) => {
    fake.user = 'me';
    fake.password = PASSWORD;
    const error = await failure(env);
    expect(error).toBeInstanceOf(EndpointRefusedError);
    expect(error.message).toBe(
      'The Find My endpoint does not accept FIND_MY_USER and FIND_MY_PASSWORD (HTTP status 401)',
    );
  });

  it.each<[Fault, RegExp]>([
    ['no-answer', /^the endpoint closed the connection$/],
    ['hangs', /^the endpoint took longer than 400 ms$/],
    ['never-ends', /^the endpoint took longer than 400 ms$/],
    ['cut', /^the response is truncated or not JSON$/],
    ['empty', /^the response is empty$/],
    ['no-json', /^the response is truncated or not JSON$/],
    ['apple-says-no', /^Apple answered "500"$/],
    [{ status: 501 }, /^HTTP status 501$/],
    [{ status: 504 }, /^HTTP status 504$/],
    [{ status: 429 }, /^HTTP status 429$/],
  ])('treats %j as no answer', async (fault, message) => {
    fake.faults.push(fault);
    const error = await failure({ FIND_MY_TIMEOUT_MS: message.source.includes('400 ms') ? '400' : '20000' });
    expect(error).toBeInstanceOf(NotAnsweredError);
    expect(error.message).toMatch(message);
    expect(await endpoint().fetchReports(['a'])).toEqual([]); // the next call succeeds
  });

  it('stops reading an answer that is too long', async () => {
    fake.faults.push('flood');
    const error = await failure();
    expect(error).toBeInstanceOf(NotAnsweredError);
    expect(error.message).toBe('the response is longer than 33554432 bytes');
  });

  it.each([302, 404, 400])('reports a wrong URL if it answers %d', async (status) => {
    fake.faults.push({ status });
    const error = await failure();
    expect(error).toBeInstanceOf(EndpointRefusedError);
    expect(error.message).toContain(`answered ${status}: is FIND_MY_ENDPOINT_URL`);
  });

  it('reports a refused connection', async () => {
    const { url } = fake;
    await fake.stop();
    const error = await failure({ FIND_MY_ENDPOINT_URL: url });
    fake = await FakeFindMy.start();
    expect(error).toBeInstanceOf(NotAnsweredError);
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('stops when aborted, with the reason of the signal', async () => {
    fake.faults.push('hangs');
    const controller = new AbortController();
    const pending = endpoint().fetchReports(['a'], controller.signal);
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });

  it('requires FIND_MY_ENDPOINT_URL', () => {
    expect(() => new FindMyEndpoint(loadConfig({}))).toThrow(/set FIND_MY_ENDPOINT_URL/);
  });
});

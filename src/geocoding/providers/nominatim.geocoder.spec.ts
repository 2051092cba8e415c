import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answerJson, BEHAVIOURS, FakeNominatim, placeAt } from '../../../test/support/geocoding.js';
import { GeocoderError } from '../reverse-geocoder.js';
import { BREAK_MS, NominatimGeocoder, parseRetryAfter } from './nominatim.geocoder.js';

describe('NominatimGeocoder', () => {
  let server: FakeNominatim;
  let geocoder: NominatimGeocoder;
  beforeAll(async () => {
    server = await FakeNominatim.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    server.requests.length = 0;
    server.behave = BEHAVIOURS.city;
    geocoder = new NominatimGeocoder({
      url: `${server.url}/nominatim/?key=secret`,
      userAgent: 'tests (me@example.org)',
      timeoutMs: 300,
      maxKilometres: 100,
    });
  });
  const ask = () => geocoder.nearestCity(59.91, 10.75);
  const failure = async (): Promise<GeocoderError> => {
    const error = await ask().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(GeocoderError);
    return error as GeocoderError;
  };

  it('sends the parameters and headers that Nominatim requires', async () => {
    let url = '';
    server.behave = (_, response, request) => {
      url = request.url ?? '';
      answerJson(response, placeAt(59.9, 10.7, 'Oslo'));
    };
    expect(await ask()).toEqual({ name: 'Oslo', country: 'NO' });
    expect(server.requests).toMatchObject([
      { latitude: 59.91, longitude: 10.75, userAgent: 'tests (me@example.org)' },
    ]);
    expect(url).toMatch(/^\/nominatim\/reverse\?key=secret&format=jsonv2&.*zoom=10/);
    expect(geocoder.host).toBe(new URL(server.url).host);
  });

  it('returns null if there is no city', async () => {
    server.behave = BEHAVIOURS.sea;
    expect(await ask()).toBeNull();
  });

  it.each<[keyof typeof BEHAVIOURS, RegExp]>([
    ['html', /not JSON/],
    ['htmlAsJson', /not JSON/],
    ['elsewhere', /km away/],
    ['broken', /HTTP 503/],
    ['hangs', /no answer in 300 ms/],
    ['hangsUp', /cannot be reached/],
  ])('rejects the answer of a faulty server: %s', async (behaviour, message) => {
    server.behave = BEHAVIOURS[behaviour];
    const error = await failure();
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret');
    expect(error.pauseMs).toBeUndefined();
  });

  it('rejects an answer that never ends, and one that is too large', async () => {
    server.behave = (_, response) =>
      void response.setHeader('content-type', 'application/json').write('{"lat": "');
    expect((await failure()).message).toMatch(/no answer/);
    server.behave = (_, response) =>
      void response.setHeader('content-type', 'application/json').end(`"${'x'.repeat(1_000_000)}"`);
    expect((await failure()).message).toMatch(/too large/);
  });

  it('does not follow redirects, which would be a second request', async () => {
    server.behave = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    await failure();
    expect(server.requests).toHaveLength(1);
  });

  it('returns the pause that the server requests', async () => {
    server.behave = BEHAVIOURS.tooMany;
    expect(await failure()).toMatchObject({ pauseMs: 120_000 });
    // A pause is not a failure of the server, so the circuit breaker stays closed.
    for (let i = 0; i < 5; i++) expect((await failure()).pauseMs).toBe(120_000);
    expect(server.requests).toHaveLength(6);
  });

  it('sends no request for a minute after three failures', async () => {
    server.behave = BEHAVIOURS.broken;
    expect(await failure()).toMatchObject({ pauseMs: undefined });
    expect(await failure()).toMatchObject({ pauseMs: undefined });
    expect(await failure()).toMatchObject({ pauseMs: BREAK_MS });
    server.behave = BEHAVIOURS.city;
    expect(await failure()).toMatchObject({ pauseMs: BREAK_MS });
    expect(server.requests).toHaveLength(3);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  it.each([
    ['120', 120_000],
    ['0', 1_000],
    ['-5', 1_000],
    ['1e9', 24 * 3_600_000],
    ['Mon, 23 Nov 2026 12:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2020 12:00:30 GMT', 1_000],
    ['soon', BREAK_MS],
    [null, BREAK_MS],
  ])('reads Retry-After: %s', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });
});

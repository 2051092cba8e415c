import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { browserSkipReason, openBrowser, type WatchedPage } from './playground-browser.js';
import { Api } from '../support/application.js';
import { anyEngine } from '../support/engines.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const BROWSER_ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

let db: TestDatabase;
let api: Api;
let server: Server;
let port: number;

beforeAll(async () => {
  db = await TestDatabase.create(anyEngine());
  expect(await db.register('Parcel 1')).toBe('1'); // the tracker of the prepared queries
  await db.query(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, nearest_city)
     SELECT 'Parcel 1', now() - step * interval '6 hours', ST_SetSRID(ST_MakePoint(13.405, 52.52), 4326), 'Berlin'
     FROM generate_series(0, 11) AS step`,
  );
  api = await Api.start(db);
  ({ server } = api);
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  await api.stop();
  await db.drop();
});

/** Every address that the page loads. */
async function addressesOnThePage(): Promise<string[]> {
  const { text } = await request(server).get('/playground').expect(200);
  return [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
}

/** Requests an address without the normalization of HTTP clients. @returns the status line up to the code. */
function rawStatus(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('end', () => {
      resolve(answer.slice(0, 'HTTP/1.1 404'.length));
    });
    socket.on('error', reject);
    socket.write(`GET ${address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  });
}

describe('GET /playground', () => {
  it('serves a page without inline scripts; its CSP allows loading from this host only', async () => {
    const { text, headers } = await request(server).get('/playground').expect(200);

    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'self'; style-src 'self' 'unsafe-inline'; /,
    );
    expect(headers['content-security-policy']).not.toMatch(/script-src|https?:|\*|unsafe-eval/);
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('<title>Tracker location history – GraphQL playground</title>');
    expect(text).toContain('<noscript>');
    expect(text).not.toMatch(/<script(?![^>]* src=)/);
    expect(text).not.toMatch(/https?:\/\//);
  });

  it('links only to files that exist and have the right content type', async () => {
    const types: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
    const addresses = await addressesOnThePage();
    expect(addresses).toHaveLength(7);

    for (const address of addresses) {
      const { headers } = await request(server).get(address).expect(200);
      expect(headers['content-type']).toContain(types[address.split('.').at(-1) ?? ''] ?? 'an expected type');
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('lets browsers cache only files whose address contains their version', async () => {
    for (const address of await addressesOnThePage()) {
      const versioned = /\/assets\/[a-z-]+-\d+\.\d+\.\d+\//.test(address);
      const { headers } = await request(server).get(address).expect(200);
      expect(headers['cache-control']).toBe(versioned ? 'public, max-age=31536000, immutable' : 'no-cache');
    }
  });

  it('serves the source map that the library names', async () => {
    const library = (await addressesOnThePage()).find((address) => address.endsWith('graphiql.min.js')) ?? '';
    const { text } = await request(server).get(library).expect(200);
    const map = /sourceMappingURL=(\S+)/.exec(text)?.[1] ?? '';

    await request(server).head(library.replace('graphiql.min.js', map)).expect(200);
  });
});

describe('GET /playground/assets', () => {
  it('answers 404 to an unknown asset, without a Cache-Control header', async () => {
    const { headers } = await request(server).get('/playground/assets/graphiql-4.1.2/other.js').expect(404);
    expect(headers['cache-control']).toBeUndefined();
  });

  it.each([
    '/playground/assets/graphiql-0.0.0/graphiql.min.js',
    '/playground/assets/react-18.3.1/graphiql.min.js',
    '/playground/assets/graphiql-4.1.2/package.json',
    '/playground/assets/graphiql-4.1.2/constructor',
    '/playground/assets/graphiql-4.1.2/',
    '/playground/assets/',
    '/playground/assets/../../package.json',
    '/playground/assets/graphiql-4.1.2/../package.json',
    '/playground/assets/graphiql-4.1.2/..%2fpackage.json',
    '/playground/assets/graphiql-4.1.2/%2e%2e%2fpackage.json',
    '/playground/assets/%2e%2e/%2e%2e/package.json',
    '/playground/assets/..%2f..%2fpackage.json',
    '/playground/assets/..%5c..%5cpackage.json/x',
    '/playground/assets/graphiql-4.1.2/..%252fpackage.json',
    '/playground/assets/graphiql-4.1.2/%2fetc%2fpasswd',
    '/playground/assets/graphiql-4.1.2/graphiql.min.js%00.css',
  ])('answers 404 to %s', async (address) => {
    expect(await rawStatus(address)).toBe('HTTP/1.1 404');
  });
});

describe('GET /', () => {
  it('redirects to the playground', async () => {
    const { headers } = await request(server).get('/').expect(302);
    expect(headers['location']).toBe('/playground');
  });
});

describe('GET /graphql', () => {
  it.each(['/graphql', '/graphql?', '/graphql?from=bookmark'])(
    'redirects a browser from %s',
    async (address) => {
      const { headers } = await request(server).get(address).set('Accept', BROWSER_ACCEPT).expect(302);
      expect(headers).toMatchObject({ location: '/playground', vary: 'Accept', 'cache-control': 'no-store' });
    },
  );

  it.each(['application/json', '*/*', 'application/graphql-response+json'])(
    'does not redirect a query that accepts %s',
    async (accept) => {
      const response = await request(server)
        .get('/graphql')
        .query({ query: '{ __typename }' })
        .set({ Accept: accept, 'Apollo-Require-Preflight': 'true' })
        .expect(200);
      expect(response.body).toEqual({ data: { __typename: 'Query' } });
    },
  );

  it('answers a query that a browser opens as a link', async () => {
    const response = await request(server)
      .get('/graphql')
      .query({ query: '{ __typename }' })
      .set({ Accept: BROWSER_ACCEPT, 'Apollo-Require-Preflight': 'true' })
      .expect(200);
    expect(response.body).toEqual({ data: { __typename: 'Query' } });
  });

  it.each([
    ['/graphql', 'application/json'],
    ['/graphql?extensions=%7B%7D', BROWSER_ACCEPT],
  ])('does not redirect %s for %s', async (address, accept) => {
    await request(server).get(address).set('Accept', accept).expect(400);
  });

  it('does not redirect a POST, whatever it accepts', async () => {
    const response = await request(server)
      .post('/graphql')
      .set('Accept', BROWSER_ACCEPT)
      .send({ query: '{ __typename }' })
      .expect(200);
    expect(response.body).toEqual({ data: { __typename: 'Query' } });
  });
});

if (browserSkipReason !== undefined) {
  process.stderr.write(`Skipping the browser tests of the playground: ${browserSkipReason}\n`);
}

(browserSkipReason === undefined ? describe : describe.skip)('the playground in a browser', () => {
  let browser: WatchedPage;

  beforeAll(async () => {
    browser = await openBrowser();
    await browser.page.goto(`http://127.0.0.1:${port}/graphql`);
    await browser.page.getByRole('tab', { name: 'Trackers' }).waitFor();
  });

  afterAll(async () => {
    await browser.close();
  });

  /**
   * Opens a tab and waits: GraphiQL parses its query shortly after that, and only then knows whether to use HTTP or
   * WebSocket.
   */
  async function openTab(name: string): Promise<void> {
    await browser.page.getByRole('tab', { name }).click();
    await browser.page.waitForTimeout(1000);
  }

  /** Clicks the execute button. @returns the JSON that the response pane then shows. */
  async function execute(): Promise<unknown> {
    const responded = browser.page.waitForResponse((response) => response.request().method() === 'POST');
    await browser.page.locator('.graphiql-execute-button').click();
    await responded;
    const pane = browser.page.locator('.result-window .CodeMirror');
    await pane.getByText('"data"').waitFor();
    // The editor renders visible lines only; its CodeMirror object has all of them.
    const text = await pane.evaluate((editor: { CodeMirror?: { getValue(): string } }) =>
      editor.CodeMirror?.getValue(),
    );
    return JSON.parse(text ?? 'null') as unknown;
  }

  it('opens with the prepared tabs', async () => {
    expect(browser.page.url()).toBe(`http://127.0.0.1:${port}/playground`);
    expect(await browser.page.title()).toBe('Tracker location history – GraphQL playground');
    const tabs = await browser.page.getByRole('tab').allInnerTexts();
    expect(tabs.map((tab) => tab.trim())).toEqual([
      'Trackers',
      'DailyHistory',
      'HourlyHistory',
      'Live',
      'Refresh',
    ]);
  });

  it('shows the trackers', async () => {
    expect(await execute()).toMatchObject({
      data: { trackers: [{ id: '1', latestLocation: { nearestCity: 'Berlin' } }] },
    });
  });

  it.each(['DailyHistory', 'HourlyHistory'])('shows rows of %s', async (tab) => {
    await openTab(tab);
    const answer = (await execute()) as { data: { locationHistoryAggregated: unknown[] } };
    expect(answer.data.locationHistoryAggregated.length).toBeGreaterThan(2);
    expect(answer.data.locationHistoryAggregated.at(-1)).toMatchObject({
      nearestCity: 'Berlin',
      tracker: { id: '1', name: 'Parcel 1', currentStatus: 'CREATED' },
    });
    await browser.screenshot(tab);
  });

  it('shows new reports as they arrive', async () => {
    const { page } = browser;
    await openTab('Live');
    const subscribed = page.waitForEvent('websocket').then((socket) => socket.waitForEvent('framesent'));
    await page.locator('.graphiql-execute-button').click();
    await subscribed;
    await eventually(async () => {
      await db.query(
        `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
         VALUES ('Parcel 1', clock_timestamp(), ST_SetSRID(ST_MakePoint(9.99, 53.55), 4326))`,
      );
      await page.locator('.result-window').getByText('53.55').waitFor({ timeout: 1000 });
    });
    await browser.screenshot('Live');
    await page.locator('.graphiql-execute-button').click(); // stops the subscription
  });

  it('runs the refresh mutation', async () => {
    await openTab('Refresh');
    expect(await execute()).toMatchObject({ data: { refreshLocationHistoryAggregates: true } });
  });

  it('opens its documentation, history, shortcuts and settings', async () => {
    const { page } = browser;
    await page.getByLabel('Show Documentation Explorer').click();
    await page.getByText('Root Types').waitFor();
    await page.getByLabel('Show History').click();
    await page.getByLabel('Open short keys dialog').click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByLabel('Open settings dialog').click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
  });

  // Must run last: checks requests and errors of all tests above.
  it('has requested nothing from other hosts and has logged no errors', () => {
    const hosts = browser.requests
      .map((address) => new URL(address))
      .filter(({ protocol }) => protocol !== 'data:')
      .map(({ host }) => host);
    expect(hosts.length).toBeGreaterThan(7);
    expect(new Set(hosts)).toEqual(new Set([`127.0.0.1:${port}`]));
    expect(browser.errors).toEqual([]);
  });
});

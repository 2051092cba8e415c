import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Why there can be no browser test on this machine; `undefined` if there can. */
export const noBrowserBecause = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is missing`;

/** A page of a fresh browser that writes down what it asks for and what it complains about. */
export interface WatchedPage {
  readonly page: Page;
  /** Address of every request, in order. */
  readonly requests: string[];
  /** Errors: of the console, of scripts, and of requests that failed or were refused. */
  readonly complaints: string[];
  /** For a look by a person, where PLAYGROUND_PICTURES names a folder. */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts Chromium with an empty profile and nothing that phones home. */
export async function openBrowser(): Promise<WatchedPage> {
  const profile = mkdtempSync(join(tmpdir(), 'playground-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    viewport: { width: 1400, height: 900 },
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const picture = async (name: string): Promise<void> => {
    const folder = process.env['PLAYGROUND_PICTURES'];
    if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  return { page, ...watch(page), picture, close: () => closeBrowser(context, profile) };
}

function watch(page: Page): Pick<WatchedPage, 'requests' | 'complaints'> {
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfailed', (request) =>
    complaints.push(`${request.url()}: ${request.failure()?.errorText ?? ''}`),
  );
  page.on('response', (response) => {
    if (response.status() >= 400) {
      complaints.push(`${response.url()}: ${response.status()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(message.text());
    }
  });
  return { requests, complaints };
}

async function closeBrowser(context: BrowserContext, profile: string): Promise<void> {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}

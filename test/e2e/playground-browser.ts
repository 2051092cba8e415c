import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Why browser tests cannot run on this machine; `undefined` if they can. */
export const browserSkipReason = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is missing`;

/** A page of a new browser that records its requests and errors. */
export interface WatchedPage {
  readonly page: Page;
  /** Address of every request, in order. */
  readonly requests: string[];
  /** Errors of the console, of scripts, and of requests that failed or were rejected. */
  readonly errors: string[];
  /** Saves a screenshot, if PLAYGROUND_PICTURES names a folder. */
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts Chromium with an empty profile and without background requests. */
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
  const screenshot = async (name: string): Promise<void> => {
    const folder = process.env['PLAYGROUND_PICTURES'];
    if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  return { page, ...watch(page), screenshot, close: () => closeBrowser(context, profile) };
}

function watch(page: Page): Pick<WatchedPage, 'requests' | 'errors'> {
  const requests: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfailed', (request) =>
    errors.push(`${request.url()}: ${request.failure()?.errorText ?? ''}`),
  );
  page.on('response', (response) => {
    if (response.status() >= 400) {
      errors.push(`${response.url()}: ${response.status()}`);
    }
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      errors.push(message.text());
    }
  });
  return { requests, errors };
}

async function closeBrowser(context: BrowserContext, profile: string): Promise<void> {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}

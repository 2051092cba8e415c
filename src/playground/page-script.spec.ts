import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { PAGE_SCRIPT } from './page-script.js';

interface Started {
  fetcher: unknown;
  defaultTabs: { query: string }[];
}

/** Runs the page's script as a browser would at the time `now`. Returns the options that it passes to GraphiQL. */
function startAt(now: string): Started {
  const elements: { type: unknown; props: unknown }[] = [];
  const GraphiQL = { createFetcher: (options: unknown) => options, Logo: {} };
  class FixedDate extends Date {
    constructor() {
      super(now);
    }
  }
  runInNewContext(PAGE_SCRIPT, {
    Date: FixedDate,
    GraphiQL,
    React: { createElement: (type: unknown, props: unknown) => elements.push({ type, props }) },
    ReactDOM: { createRoot: () => ({ render: () => undefined }) },
    location: { origin: 'http://here:3000' },
    document: { getElementById: () => ({}) },
  });
  return elements.find(({ type }) => type === GraphiQL)?.props as Started;
}

/** The quoted times in a tab's text. */
const datesOf = (text: string | undefined): string[] => text?.match(/(?<=")\d{4}-[^"]+/g) ?? [];

describe('PAGE_SCRIPT', () => {
  it('sends queries to the API of the same host', () => {
    expect(startAt('2025-01-15T12:00:00Z').fetcher).toEqual({
      url: '/graphql',
      subscriptionUrl: 'ws://here:3000/graphql',
    });
  });

  it('prepares valid GraphQL in every tab', () => {
    const { defaultTabs } = startAt('2025-01-15T12:00:00Z');

    expect(defaultTabs).toHaveLength(5);
    for (const { query } of defaultTabs) {
      expect(() => parse(query)).not.toThrow();
    }
  });

  it.each([
    ['2025-01-15T12:00:00Z', '2024-12-16', '2025-01-13', '2025-01-08', '2025-01-16'],
    ['2024-02-28T23:59:59Z', '2024-01-29', '2024-02-26', '2024-02-21', '2024-02-29'],
    ['2025-12-31T00:00:00Z', '2025-12-01', '2025-12-29', '2025-12-24', '2026-01-01'],
  ])('fills in the dates of the prepared queries at %s', (now, monthAgo, twoDaysAgo, weekAgo, tomorrow) => {
    const windows = startAt(now).defaultTabs.map(({ query }) => datesOf(query));

    expect(windows).toEqual([
      [],
      [`${monthAgo}T00:00:00Z`, `${tomorrow}T00:00:00Z`],
      [`${twoDaysAgo}T00:00:00Z`, `${tomorrow}T00:00:00Z`],
      [],
      [`${weekAgo}T00:00:00Z`, `${tomorrow}T00:00:00Z`],
    ]);
  });

  it('contains the example of the documentation', () => {
    const example = startAt('2025-01-15T12:00:00Z').defaultTabs[1]?.query ?? '';

    expect(example.replace(/^.*\n/, '').replace(/\s+/g, ' ').trim()).toBe(
      'query { locationHistoryAggregated( trackerId: "1" startTime: "2024-12-16T00:00:00Z" ' +
        'endTime: "2025-01-16T00:00:00Z" bucketSize: "1 day" # Options: "1 hour" or "1 day" ) ' +
        '{ id timestamp location { latitude longitude } nearestCity tracker { id name currentStatus } } }',
    );
  });
});

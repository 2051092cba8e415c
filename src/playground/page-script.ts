import { GRAPHQL_PATH } from './playground-paths.js';
import { PREPARED_TABS, type PreparedTab } from './prepared-tabs.js';

/**
 * `/playground/app.js`: starts GraphiQL with the prepared tabs.
 *
 * It is a string because the build copies only TypeScript, and the project compiles without the types of the DOM.
 */
export const PAGE_SCRIPT = `'use strict';
(() => {
  const TABS = ${JSON.stringify(PREPARED_TABS.map(textOf), null, 2).replaceAll('\n', '\n  ')};

  // Midnight in UTC, like the buckets of history, in any time zone of the visitor.
  const midnight = (days) => {
    const day = new Date();
    day.setUTCDate(day.getUTCDate() + days);
    return day.toISOString().slice(0, 10) + 'T00:00:00Z';
  };
  const fillInDates = (text) => text.replace(/{{([+-]\\d+)d}}/g, (_, days) => midnight(Number(days)));

  const page = React.createElement(
    GraphiQL,
    {
      fetcher: GraphiQL.createFetcher({
        url: ${JSON.stringify(GRAPHQL_PATH)},
        subscriptionUrl: location.origin.replace(/^http/, 'ws') + ${JSON.stringify(GRAPHQL_PATH)},
      }),
      defaultTabs: TABS.map((text) => ({ query: fillInDates(text) })),
      defaultEditorToolsVisibility: false,
    },
    React.createElement(GraphiQL.Logo, null, 'Tracker location history'),
  );
  ReactDOM.createRoot(document.getElementById('playground')).render(page);
})();
`;

/**
 * The text of a tab: a comment, then the query.
 *
 * GraphiQL takes the title of a tab from the first `query <name>` in its text, or calls it "<untitled>". The prepared
 * queries have no name, so the comment has one. GraphiQL skips lines that start with `#`, hence the leading space.
 */
function textOf({ title, about, query }: PreparedTab): string {
  const operation = query.startsWith('mutation') ? 'mutation' : 'query';
  return ` # ${operation} ${title}: ${about}\n${query}`;
}

import { assetUrl } from './playground-assets.js';
import { PLAYGROUND_PATH } from './playground-paths.js';

/**
 * The page may load from and connect to this host only.
 *
 * GraphiQL's style sheet embeds its fonts and icons as `data:`, and its dialogs and menus add style elements while they
 * are open, hence `'unsafe-inline'` for styles; inline scripts and `eval` are forbidden.
 */
export const PAGE_CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/playground`. Scripts are deferred: they run in this order, after the page is parsed. */
export const PAGE_HTML = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Tracker location history – GraphQL playground</title>
    <link rel="icon" type="image/svg+xml" href="${PLAYGROUND_PATH}/favicon.svg" />
    <link rel="stylesheet" href="${assetUrl('graphiql.min.css')}" />
    <link rel="stylesheet" href="${PLAYGROUND_PATH}/app.css" />
    <script defer src="${assetUrl('react.production.min.js')}"></script>
    <script defer src="${assetUrl('react-dom.production.min.js')}"></script>
    <script defer src="${assetUrl('graphiql.min.js')}"></script>
    <script defer src="${PLAYGROUND_PATH}/app.js"></script>
  </head>
  <body>
    <div id="playground"></div>
    <noscript>
      <p class="message">The playground needs JavaScript. The API does not: send queries to /graphql by POST.</p>
    </noscript>
  </body>
</html>
`;

/** `/playground/app.css`: GraphiQL fills the window. */
export const PAGE_STYLE = `html,
body,
#playground {
  height: 100%;
  margin: 0;
}

.message {
  position: fixed;
  inset: 0;
  margin: 2rem;
  font: 1rem/1.5 system-ui, sans-serif;
}
`;

/** `/playground/favicon.svg`: a pin on a map. */
export const PAGE_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <path fill="#2563eb" d="M16 2a10 10 0 0 0-10 10c0 7 10 18 10 18s10-11 10-18A10 10 0 0 0 16 2z" />
  <circle cx="16" cy="12" r="4" fill="#fff" />
</svg>
`;

# Image of the services of docker-compose.yml that run the product, with the `tracker` command.
# It contains no database: the embedded PostgreSQL is an optional dependency, which is not installed.

FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

FROM base AS dependencies
COPY package.json package-lock.json ./
# No production dependency needs its install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY migrations migrations
COPY src src
RUN npm run build

FROM base
ENV NODE_ENV=production
# The files below belong to root: the process can read its code but not change it.
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
COPY package.json schema.gql LICENSE NOTICE ./
# The `tracker` command, for `docker compose exec api tracker doctor`.
RUN ln -s /app/dist/src/cli.js /usr/local/bin/tracker
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
CMD ["node", "--enable-source-maps", "dist/src/main.js"]

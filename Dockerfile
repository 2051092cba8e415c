# The image of every service of docker-compose.yml that runs our code: the API, and the `tracker` command.
# The database is never inside: the embedded PostgreSQL is an optional dependency, which is left out here.

FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

FROM base AS dependencies
COPY package.json package-lock.json ./
# No package that runs in production needs its install script.
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
# Everything below belongs to root: the process can read its code and cannot change it.
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
COPY package.json schema.gql ./
# The `tracker` command, for `docker compose exec api tracker doctor`.
RUN ln -s /app/dist/src/cli.js /usr/local/bin/tracker
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
CMD ["node", "--enable-source-maps", "dist/src/main.js"]

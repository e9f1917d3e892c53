# The image of Hierax: docs/container.md. All stages use the same exact base image with Node 22 (LTS).
FROM node:22.23.3-bookworm-slim AS base
WORKDIR /app
# Separate stages compile and install, so that the image has neither sources nor development dependencies. Install scripts
# are not run: the packages contain prebuilt native parts.
COPY .npmrc package.json package-lock.json ./
COPY training/package.json ./training/
COPY tools/package.json ./tools/
COPY web/package.json ./web/

FROM base AS build
RUN npm ci --ignore-scripts --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY training ./training
COPY tools ./tools
COPY web ./web
COPY schemas ./schemas
COPY examples ./examples
RUN npm run build

# The simulator for docker-compose.yml; the image of the service has neither simulator nor training.
FROM build AS tools
RUN chmod 0755 dist/cli/main.js \
    && ln -s /app/dist/cli/main.js /usr/local/bin/hierax
USER 1000:1000
ENTRYPOINT ["hierax"]

FROM base AS dependencies
# Only the service, without training and tools.
RUN npm ci --ignore-scripts --no-audit --omit=dev --workspaces=false

FROM node:22.23.3-bookworm-slim AS runtime
LABEL org.opencontainers.image.title="Hierax" \
      org.opencontainers.image.description="Hierarchical classification of ZTF alerts, from Kafka to Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.documentation="docs/container.md"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY schemas ./schemas
COPY examples ./examples
COPY models ./models
COPY ops/health.mjs ./ops/health.mjs
COPY --from=build /app/dist ./dist
# A new volume gets the owner of its mount point.
RUN chmod 0755 dist/cli/main.js \
    && ln -s /app/dist/cli/main.js /usr/local/bin/hierax \
    && install -d -o 1000 -g 1000 -m 0750 /data
# Variables override a configuration file, so that the health check knows the port.
ENV NODE_ENV=production \
    HIERAX_HTTP_HOST=0.0.0.0 \
    HIERAX_HTTP_PORT=8080 \
    HIERAX_STORE_URL=lmdb:/data
# The user `node` of the base image, as a number, so that Kubernetes can verify that it is not root.
USER 1000:1000
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/ops/health.mjs"]
ENTRYPOINT ["hierax"]
CMD ["serve"]

# A server of vision-language models: docs/serve.md. No stage runs an install script of a package.

FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY scripts/api-reference/package.json scripts/api-reference/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json README.md LICENSE NOTICE CHANGELOG.md ./
COPY src src
COPY pocket pocket
# What the package ships, and nothing else.
RUN npm pack && mkdir package models && tar -xzf groundsight-*.tgz -C package --strip-components=1

FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
# The runtime is an optional peer: of the version in the lock file, with the libraries of this platform alone.
COPY --from=build /build/node_modules/onnxruntime-common node_modules/onnxruntime-common
COPY --from=build /build/node_modules/onnxruntime-node node_modules/onnxruntime-node
RUN cd node_modules/onnxruntime-node/bin/napi-v6 && find . -mindepth 2 -maxdepth 2 ! -path "./linux/$(node -p process.arch)" -exec rm -r {} +

FROM node:22-slim
ENV NODE_ENV=production
ENV GROUNDSIGHT_CACHE=/models/cache
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /build/package ./
COPY --from=build --chown=node:node /build/models /models
USER node
VOLUME /models
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
# Beyond this machine it does not serve without a key: GROUNDSIGHT_API_KEY, in the environment.
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--model", "pocket"]

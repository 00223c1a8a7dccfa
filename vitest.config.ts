import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: {
      "groundsight/testing": fileURLToPath(new URL("./src/testing/index.ts", import.meta.url)),
      "groundsight/transformers": fileURLToPath(
        new URL("./src/transformers/index.ts", import.meta.url),
      ),
      "groundsight/ai-sdk": fileURLToPath(new URL("./src/ai-sdk/index.ts", import.meta.url)),
      "groundsight/diagnose": fileURLToPath(new URL("./src/diagnose/index.ts", import.meta.url)),
      "groundsight/server": fileURLToPath(new URL("./src/server/index.ts", import.meta.url)),
      "groundsight/eval": fileURLToPath(new URL("./src/eval/index.ts", import.meta.url)),
      "groundsight/core": fileURLToPath(new URL("./src/core.ts", import.meta.url)),
      groundsight: fileURLToPath(new URL("./src/index.ts", import.meta.url)),
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    pool: "forks",
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

export default config;

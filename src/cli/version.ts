import { createRequire } from "node:module";

const packageJson = createRequire(import.meta.url)("../../package.json") as { version: string };

/** The package's version, which answers in JSON carry. */
export const VERSION: string = packageJson.version;

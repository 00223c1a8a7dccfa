#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command } from "commander";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

await new Command("groundsight")
  .description("Make large vision-language models hallucinate less, see why, and measure both.")
  .version(version)
  .parseAsync();

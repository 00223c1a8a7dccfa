#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { EXIT_STATUS, GroundsightError } from "../index.js";
import { generatePopeCommand } from "./generate-pope-command.js";
import { scoreCommand } from "./score-command.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const program = new Command("groundsight")
  .description("Make large vision-language models hallucinate less, see why, and measure both.")
  .version(version)
  .exitOverride();

for (const command of [scoreCommand(), generatePopeCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (GroundsightError.isInstance(error)) {
    process.stderr.write(`groundsight: ${error.message}\n`);
    process.exitCode = EXIT_STATUS[error.code];
  } else throw error;
}

#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { EXIT_STATUS, GroundsightError } from "../index.js";
import { askCommand } from "./ask-command.js";
import { compareCommand } from "./compare-command.js";
import { demoCommand } from "./demo-command.js";
import { evalCommand } from "./eval-command.js";
import { generatePopeCommand } from "./generate-pope-command.js";
import { modelsCommand } from "./models-command.js";
import { resultsCommand } from "./results-command.js";
import { scoreCommand } from "./score-command.js";
import { steerCommand } from "./steer-command.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const program = new Command("groundsight")
  .description("Make large vision-language models hallucinate less, see why, and measure both.")
  .version(version)
  .addHelpText(
    "after",
    `
Examples:
  $ groundsight ask photo.jpg "Is there a dog in the image?" --method vcd
  $ groundsight compare photo.jpg "What is on the table?" --methods regular,apc,vcd
  $ groundsight models

Exit status: 0 done, 1 failure, 2 wrong use. 'groundsight help <command>' tells more.`,
  )
  .exitOverride();

const COMMANDS = [
  askCommand,
  compareCommand,
  demoCommand,
  modelsCommand,
  evalCommand,
  steerCommand,
  resultsCommand,
  scoreCommand,
  generatePopeCommand,
];

for (const command of COMMANDS.map((create) => create())) {
  program.addCommand(command.copyInheritedSettings(program));
}

// A reader that closes early (`groundsight ... | head`) ends the program; it is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
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

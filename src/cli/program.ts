import { Command } from "commander";
import { askCommand } from "./ask-command.js";
import { checkCommand } from "./check-command.js";
import { compareCommand } from "./compare-command.js";
import { completionCommand } from "./completion-command.js";
import { demoCommand } from "./demo-command.js";
import { diagnoseCommand } from "./diagnose-command.js";
import { doctorCommand } from "./doctor-command.js";
import { evalCommand } from "./eval-command.js";
import { exampleImage } from "./example-image.js";
import { explainCommand } from "./explain-command.js";
import { generatePopeCommand } from "./generate-pope-command.js";
import { indexCommand } from "./index-command.js";
import { methodsCommand } from "./methods-command.js";
import { modelsCommand } from "./models-command.js";
import { reportCommand } from "./report-command.js";
import { endOnBrokenOutput, reportFailure } from "./report-failure.js";
import { resultsCommand } from "./results-command.js";
import { scoreCommand } from "./score-command.js";
import { steerCommand } from "./steer-command.js";
import { tuneCommand } from "./tune-command.js";
import { VERSION } from "./version.js";

const program = new Command("groundsight")
  .description("Make large vision-language models hallucinate less, see why, and measure both.")
  .version(VERSION)
  .option("--no-color", "no colours, with any command; as the variable NO_COLOR")
  .addHelpText(
    "after",
    () => `
Examples:
  $ groundsight ask ${exampleImage()} "Is there a dog in the image?" --method vcd
  $ groundsight compare ${exampleImage()} "What is on the table?" --methods regular,apc,vcd
  $ groundsight models

Exit status:
  0  done
  1  failure: a model, a file, an image or the network; work that was stopped; output that cannot be written
  2  wrong use: unknown commands, options or names, values out of range, what a model does not offer
'groundsight help <command>' tells more.`,
  )
  .exitOverride();

// Options of the program are taken behind every command too.
program.hook("preAction", () => {
  if (program.opts().color === false) process.env.NO_COLOR = "1";
});

const COMMANDS = [
  askCommand,
  compareCommand,
  explainCommand,
  checkCommand,
  demoCommand,
  modelsCommand,
  methodsCommand,
  doctorCommand,
  evalCommand,
  tuneCommand,
  diagnoseCommand,
  steerCommand,
  indexCommand,
  reportCommand,
  resultsCommand,
  scoreCommand,
  generatePopeCommand,
  completionCommand,
];

/** Runs the command that the program's arguments name; what goes wrong is told and sets the exit status. */
export async function runProgram(): Promise<void> {
  for (const command of COMMANDS.map((create) => create())) {
    program.addCommand(inheriting(command, program));
  }
  endOnBrokenOutput();
  try {
    await program.parseAsync(nestedHelp(process.argv.slice(2)), { from: "user" });
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}

/** A command with the settings of the one above it, and so those below it: wrong use ends all of them alike. */
function inheriting(command: Command, above: Command): Command {
  command.copyInheritedSettings(above);
  for (const one of command.commands) inheriting(one, command);
  return command;
}

/** `help steer fit` as `steer help fit`: commander's own help takes a command's name, not that of one below it. */
function nestedHelp(args: readonly string[]): readonly string[] {
  const [help, name, inner] = args;
  const command = program.commands.find((one) => one.name() === name);
  const hasInner = command?.commands.some((one) => one.name() === inner) === true;
  return help === "help" && name !== undefined && hasInner ? [name, help, ...args.slice(2)] : args;
}

import { Command } from "commander";
import { commandsFor } from "./commands.js";
import { exampleImage } from "./example-image.js";
import { endOnBrokenOutput, reportFailure } from "./report-failure.js";
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

/** Runs the command that the program's arguments name; what goes wrong is told and sets the exit status. */
export async function runProgram(): Promise<void> {
  endOnBrokenOutput();
  try {
    const args = process.argv.slice(2);
    for (const command of await commandsFor(args)) program.addCommand(inheriting(command, program));
    await program.parseAsync(nestedHelp(args), { from: "user" });
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

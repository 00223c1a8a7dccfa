import { CommanderError } from "commander";
import { EXIT_STATUS, GroundsightError } from "../errors.js";
import { columnsOf, wrapText } from "./wrap-text.js";

/**
 * Says what went wrong in one line on standard error, and returns the exit status. With GROUNDSIGHT_DEBUG set, what
 * nobody foresaw is shown with the place where it happened.
 */
export function reportFailure(error: unknown): number {
  // Commander has shown its message itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (GroundsightError.isInstance(error)) {
    say(error.message);
    return EXIT_STATUS[error.code];
  }
  const { syscall, message = String(error), stack } = (error ?? {}) as NodeJS.ErrnoException;
  const { GROUNDSIGHT_DEBUG = "" } = process.env;
  if (GROUNDSIGHT_DEBUG !== "") say(stack ?? message);
  else if (syscall !== undefined) say(message);
  else say(`unforeseen: ${message} (a fault of groundsight; GROUNDSIGHT_DEBUG=1 shows where)`);
  return 1;
}

/**
 * Ends the program when standard output or error cannot be written to: without a word when its reader closed early
 * (`groundsight ... | head`), as a failure otherwise, such as on a full disk.
 */
export function endOnBrokenOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    say(`cannot write to standard output: ${error.message}`);
    process.exit(1);
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? undefined : 1);
  });
}

/** Says a sentence on standard error, broken at a terminal's width. */
export function say(message: string): void {
  const text = wrapText(`groundsight: ${message}`, "  ", columnsOf(process.stderr));
  process.stderr.write(`${text}\n`);
}

import { Command } from "commander";
import { listDevices, listModels } from "../index.js";
import { wrapText } from "./wrap-text.js";

/** `groundsight models`: what can be loaded without a network, or what it can run on. */
export function modelsCommand(): Command {
  return new Command("models")
    .description("List the models on this machine, or what they can run on.")
    .option("--devices", "list what the installed ONNX Runtime offers, and try each device")
    .option("--json", "print JSON (docs/command-line.md)")
    .action(async ({ json, devices }: { json?: true; devices?: true }) => {
      if (json === true) {
        const listed = devices === true ? await listDevices() : await listModels();
        process.stdout.write(`${JSON.stringify(listed, null, 2)}\n`);
      } else await (devices === true ? printDevices() : printModels());
    });
}

async function printModels(): Promise<void> {
  for (const { name, source, dtypes, folder } of await listModels()) {
    const precisions = dtypes.join(", ") || "no complete precision";
    printLine(`${name}  (${source}; ${precisions})  ${folder}`);
  }
  process.stdout.write(
    `\n${wrapText("Any folder laid out for transformers.js, or a hub id, can be given as --model too; so can the folder of an adapter that names its base.")}\n`,
  );
}

async function printDevices(): Promise<void> {
  for (const { name, bundled, reason } of await listDevices()) {
    const origin = bundled ? "bundled" : "not bundled";
    printLine(`${name}  (${origin}; ${reason === null ? "usable" : `not usable: ${reason}`})`);
  }
}

function printLine(line: string): void {
  process.stdout.write(`${wrapText(line, "  ")}\n`);
}

import { Command } from "commander";
import { type Check, type Cost, type Diagnosis, diagnose, type MethodTrial } from "../index.js";
import { addLoadingOptions, loadingOptions, type ModelFlags } from "./model-options.js";
import { style } from "./style.js";
import { VERSION } from "./version.js";
import { wrapBehind, wrapText } from "./wrap-text.js";

interface DoctorFlags extends Omit<ModelFlags, "model"> {
  readonly stock: boolean;
  readonly image?: string;
  readonly json?: true;
}

const INDENT = " ".repeat(33);

/** `groundsight doctor`: what is wrong with a checkpoint, or what it can do. */
export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description(
      "Examine a checkpoint: files, graphs, prompt, cache and steering, agreement with stock transformers.js, methods, time and memory.",
    )
    .argument("<model>", "'pocket', a checkpoint's or a variant's folder, or a hub id (owner/name)")
    .option("--image <path>", "the image to ask about (default: one that comes with the package)")
    .option("--no-stock", "do not compare with transformers.js, which opens the model once more")
    .option("--json", "print JSON (docs/command-line.md)")
    .optionsGroup("Model:");
  return addLoadingOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight doctor pocket
  $ groundsight doctor ./checkpoint --dtype q4 --json

The exit status is 1 where a check found a fault.`,
    )
    .action(run);
}

async function run(name: string, { stock, image, json, ...flags }: DoctorFlags): Promise<void> {
  const diagnosis = await diagnose(name, {
    ...loadingOptions(flags),
    stock,
    ...(image === undefined ? {} : { image }),
    ...(json === true ? {} : { onCheck: (check) => write(checkText(check)) }),
  });
  if (!diagnosis.healthy) process.exitCode = 1;
  if (json === true) write(JSON.stringify({ ...diagnosis, version: VERSION }, null, 2));
  else write(rest(diagnosis));
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

const STATUS = {
  pass: () => style("green", "pass   "),
  fault: () => style("red", "FAULT  "),
  skipped: () => style("dim", "skipped"),
};

function checkText({ name, status, detail, remedy }: Check): string {
  const line = wrapBehind(`  ${STATUS[status]()}  ${name.padEnd(22)}`, detail);
  return remedy === undefined ? line : `${line}\n${wrapBehind(INDENT, `What to do: ${remedy}`)}`;
}

function rest({ methods, cost, checks, dtype, family, model }: Diagnosis): string {
  const count = (status: Check["status"]) => checks.filter((one) => one.status === status).length;
  const [faults, skips] = [count("fault"), count("skipped")];
  const skipped = skips === 0 ? "" : `, ${skips} of ${checks.length} checks skipped`;
  const verdict =
    faults === 0
      ? `${model} (${family}, ${dtype}): no fault found${skipped}`
      : `${model} (${family ?? "of no known family"}, ${dtype}): ${faults} ${faults === 1 ? "fault" : "faults"}${skipped}`;
  const parts = [
    ...(methods.length === 0 ? [] : [`Methods:\n${methods.map(methodText).join("\n")}`]),
    ...(cost === null ? [] : [`Cost on this machine:\n${costText(cost)}`]),
    style("bold", wrapText(verdict, "  ")),
  ];
  return `\n${parts.join("\n\n")}`;
}

function methodText({ name, runs, reason }: MethodTrial): string {
  const status = runs ? style("green", "runs   ") : style("red", "refused");
  return wrapBehind(`  ${status}  ${name.padEnd(22)}`, reason ?? "").trimEnd();
}

function costText(cost: Cost): string {
  const { promptTokens, imageMs, prefillMs, msPerToken } = cost;
  const { weightBytes, cacheBytesPerToken, residentBytes } = cost;
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const rows: [string, string][] = [
    ["image", `${imageMs.toFixed(1)} ms, once for each image`],
    ["prompt", `${prefillMs.toFixed(1)} ms for ${promptTokens} tokens (median)`],
    ["token", `${msPerToken.toFixed(1)} ms (median), ${(1000 / msPerToken).toFixed(1)} a second`],
    [
      "memory",
      `${mega(weightBytes)} of weights, ${(cacheBytesPerToken / 1000).toFixed(1)} kB of cache a token; the process grew by ${mega(residentBytes)}`,
    ],
  ];
  return rows.map(([name, text]) => wrapBehind(`  ${name.padEnd(9)}`, text)).join("\n");
}

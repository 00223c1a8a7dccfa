import { Command } from "commander";
import { METHODS, type MethodEntry, methodEntry, type Setting } from "../index.js";
import { flagOf } from "./method-options.js";
import { wrapBehind } from "./wrap-text.js";

/** `groundsight methods`: what methods there are, whom they follow, what they cost and what can be set. */
export function methodsCommand(): Command {
  return new Command("methods")
    .description(
      "List the methods, or tell all about one: whom it follows, its cost, its settings.",
    )
    .argument("[name]", "the method to tell about")
    .option("--json", "print JSON (docs/command-line.md)")
    .addHelpText(
      "after",
      "\ndocs/methods/ has a page on each, with its equation and what is known of it.",
    )
    .action((name: string | undefined, { json }: { json?: true }) => {
      const entries = name === undefined ? Object.values(METHODS) : [methodEntry(name)];
      if (json === true) {
        process.stdout.write(`${JSON.stringify(entries.map(described), null, 2)}\n`);
      } else if (name === undefined) printAll(entries);
      else printOne(entries[0]!);
    });
}

/** A method as JSON tells of it. */
function described({ name, summary, paper, cost, settings }: MethodEntry): object {
  return {
    name,
    summary,
    paper: paper ?? null,
    cost,
    settings: Object.entries(settings).map(([key, setting]) => ({
      name: key,
      flag: setting.type === "method" ? null : `--${flagOf(key, setting)}`,
      type: setting.type,
      default: setting.default,
      summary: setting.summary,
      ...("choices" in setting ? { choices: setting.choices } : {}),
      // JSON has no infinity: where there is no bound it writes null.
      ...("min" in setting ? { min: setting.min, max: setting.max ?? null } : {}),
    })),
  };
}

function printAll(entries: readonly MethodEntry[]): void {
  const width = Math.max(...entries.map(({ name }) => name.length)) + 2;
  const indent = " ".repeat(width);
  for (const { name, summary, paper = "a control", cost } of entries) {
    printBehind(name.padEnd(width), summary);
    printBehind(indent, `${cost}; ${paper}`);
  }
  printBehind("", "\n'groundsight methods <name>' tells the settings of one.");
}

function printOne({ name, summary, paper = "none: a control", cost, settings }: MethodEntry): void {
  printBehind(`${name}: `, summary);
  printBehind("follows  ", paper);
  printBehind("costs    ", cost);
  const entries = Object.entries(settings);
  if (entries.length === 0) {
    printBehind("settings ", "none");
    return;
  }
  const heads = entries.map(([key, setting]) => headOf(key, setting));
  const width = Math.max(...heads.map(({ length }) => length)) + 2;
  process.stdout.write("\n");
  for (const [i, [, setting]] of entries.entries()) {
    printBehind(heads[i]!.padEnd(width), meaning(setting));
  }
}

/** How a setting is given. */
function headOf(name: string, setting: Setting): string {
  return setting.type === "method" ? "  +<method>" : `  --${flagOf(name, setting)}`;
}

function meaning(setting: Setting): string {
  const range = rangeOf(setting);
  const { summary } = setting;
  const usual = String(setting.default).replaceAll("\n", " ");
  return [
    summary,
    ...(summary.endsWith(range) ? [] : [range]),
    ...(setting.default === null ? [] : [`default ${usual}`]),
  ].join("; ");
}

function rangeOf(setting: Setting): string {
  if (setting.type === "choice") return setting.choices.join(", ");
  if (setting.type !== "number" && setting.type !== "integer") return "";
  const { min, max } = setting;
  if (max !== undefined) return `${min} to ${max}`;
  return min === Number.NEGATIVE_INFINITY ? "any number" : `at least ${min}`;
}

function printBehind(before: string, text: string): void {
  process.stdout.write(`${wrapBehind(before, text)}\n`);
}

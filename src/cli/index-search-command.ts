import { Command } from "commander";
import { openIndex } from "../diagnose/index.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { wrapBehind } from "./wrap-text.js";

interface SearchFlags extends ModelFlags {
  readonly neighbours?: number;
  readonly json?: true;
}

/** `groundsight index search`: the samples whose images are most like one. */
export function indexSearchCommand(): Command {
  const command = new Command("search")
    .description("Show the samples whose images are most like an image.")
    .argument("<index>", "file that 'index build' made, with the same model")
    .argument("<image>", "path or URL of the image")
    .option("-k, --neighbours <n>", "how many (default: 25)", integerAtLeast(1))
    .option("--json", "print JSON (docs/command-line.md)");
  return addModelOptions(command).action(run);
}

async function run(path: string, image: string, flags: SearchFlags): Promise<void> {
  const { neighbours: k, json, ...modelFlags } = flags;
  await using model = await loadModel(modelFlags);
  await using index = await openIndex(path, model);
  const neighbours = await index.nearest(image, k);
  if (json === true) {
    const { facts } = index;
    process.stdout.write(`${JSON.stringify({ index: path, facts, image, neighbours }, null, 2)}\n`);
    return;
  }
  for (const { image: name, similarity, texts } of neighbours) {
    const head = `${similarity.toFixed(3)}  ${name}  `;
    process.stdout.write(`${wrapBehind(head, texts.join(" | "))}\n`);
  }
}

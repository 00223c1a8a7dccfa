// Measures one build on one checkpoint, in a process of its own, and prints milliseconds a token as JSON; started by
// compare-builds.mjs.
import { pathToFileURL } from "node:url";

const { dist, folder, tokens, repeats, threads, pasts } = JSON.parse(process.argv[2]);
const { load, regular, vcd } = await import(pathToFileURL(`${dist}/index.js`).href);
const SIZE = 96;
const data = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => (i * 7919) % 251);
const image = { data, width: SIZE, height: SIZE, channels: 3 };

/** Random directions for the decoder; what they point at does not change what they cost. */
function randomDirections(modelHash, layers, width) {
  const numbers = Float32Array.from({ length: layers * width }, (_, i) => Math.sin(i * 12.9898));
  return { modelHash, text: { layers, positions: 1, width, data: numbers }, facts: {} };
}

const model = await load(folder, { threads });
const { layers, hiddenSize } = model.info;
const directions = randomDirections(await model.hash(), layers, hiddenSize);
const steered = await model.steer(directions, { text: 0.4 });
const cases = [
  { name: "regular", handle: model, method: regular() },
  { name: "vcd", handle: model, method: vcd({ beta: 0 }) },
  { name: "vti", handle: steered, method: regular() },
];
const promptOf = async (past) => {
  const count = async (prompt) =>
    (await model.generate({ image, prompt, maxTokens: 1 })).usage.promptTokens;
  const [one, two] = [await count("dog"), await count("dog dog")];
  return `dog${" dog".repeat(Math.max(0, Math.round((past - one) / (two - one))))}`;
};
const times = {};
for (const past of pasts) {
  const prompt = await promptOf(past);
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const { name, handle, method } of cases) {
      const { timings } = await handle.generate({ image, prompt, method, maxTokens: tokens });
      const label = `${name} at ${past}`;
      if (repeat > 0) times[label] = [...(times[label] ?? []), timings.msPerToken];
    }
  }
}
process.stdout.write(`${JSON.stringify(times)}\n`);

// What checking a caption costs, over generating it: with the calibration that is shipped, which counts self-verification
// alone, and with the logit lens besides.
//
//   npm run --silent build && node benchmarks/check.mjs
//   node benchmarks/check.mjs --images 20 --threads 2 --json
//
// Each is done in turns on one image after the other, their order changing from image to image. Nothing is cached between
// them, as each gets the image with another first pixel: generating and checking both encode it and read its tokens. Medians
// over images, and of the ratio on an image; time of the CPU as well, which other work on the machine hardly changes. Passes
// are runs of a graph.
import { readdirSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InferenceSession } from "onnxruntime-node";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "20" },
    threads: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const count = Number(values.images);
const threads = Number(values.threads);
const images = fileURLToPath(new URL("../pocket/bench/dev/images/", import.meta.url));
const names = readdirSync(images).sort();

const passes = { vision: 0, decoder: 0 };
const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = function counted(feeds, ...rest) {
  if (feeds.pixel_values !== undefined) passes.vision++;
  if (feeds.inputs_embeds !== undefined) passes.decoder++;
  return run.call(this, feeds, ...rest);
};
const { decodeImage, load, median } = await import("../dist/index.js");
const { checkCaption } = await import("../dist/diagnose/index.js");

async function measured(task) {
  Object.assign(passes, { vision: 0, decoder: 0 });
  const [startedAt, before] = [performance.now(), process.cpuUsage()];
  const result = await task();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000, ...passes, result };
}

const model = await load("pocket", { threads });
const made = [];
// The first two images warm up.
for (let i = -2; i < count; i++) {
  const pixels = await decodeImage(join(images, names[(i + names.length) % names.length]));
  const like = (value) => ({ ...pixels, data: Uint8Array.of(value, ...pixels.data.subarray(1)) });
  const prompt = "Describe the image.";
  const { text } = await model.generate({ image: pixels, prompt });
  const shown = [1, 2, 3].map((k) => like((pixels.data[0] + k) % 256));
  const tasks = {
    generate: () => model.generate({ image: shown[0], prompt }),
    check: () => checkCaption(model, shown[1], text),
    lens: () => checkCaption(model, shown[2], text, { signals: ["logitLens"] }),
  };
  const order = Object.entries(tasks);
  const done = {};
  for (let k = 0; k < order.length; k++) {
    const [name, task] = order[(k + i + order.length) % order.length];
    done[name] = await measured(task);
  }
  if (i >= 0) made.push({ ...done, objects: done.check.result.phrases.length });
}

await model.dispose();
const of = (pick) => median(made.map(pick));
const results = ["generate", "check", "lens"].map((name) => ({
  name,
  ms: of((one) => one[name].ms),
  cpuMs: of((one) => one[name].cpuMs),
  ratio: of((one) => one[name].ms / one.generate.ms),
  cpuRatio: of((one) => one[name].cpuMs / one.generate.cpuMs),
  vision: of((one) => one[name].vision),
  decoder: of((one) => one[name].decoder),
}));
const objects = of((one) => one.objects);
const load1 = loadavg()[0].toFixed(1);
if (values.json) console.log(JSON.stringify({ threads, images: count, objects, load1, results }));
else {
  console.log(
    `${count} images, ${objects} objects, ${threads} threads, ${availableParallelism()} cores, load ${load1}`,
  );
  for (const { name, ms, cpuMs, ratio, cpuRatio, vision, decoder } of results) {
    const times = `${ms.toFixed(1)} ms, ratio ${ratio.toFixed(2)}; CPU ${cpuMs.toFixed(1)} ms, ratio ${cpuRatio.toFixed(2)}`;
    console.log(`${name}: ${vision} passes of the tower, ${decoder} of the decoder; ${times}`);
  }
}

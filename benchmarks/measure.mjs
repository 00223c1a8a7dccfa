// Measures one case in a process of its own and prints it as JSON; started by speed.mjs.
import {
  AutoProcessor,
  AutoTokenizer,
  LlavaForConditionalGeneration,
  RawImage,
} from "@huggingface/transformers";
import { load, regular, vcd } from "../dist/index.js";

const { engine, folder, method, past, tokens, repeats, threads } = JSON.parse(process.argv[2]);
const SIZE = 96;
const pixels = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => (i * 7919) % 251);

/** Text that makes the whole prompt `past` tokens long (or one word, where the image alone is longer), by counting. */
async function promptOf(count) {
  let words = "";
  while (count(`${words} dog`) <= past) words += " dog";
  while (count(`${words}.`) <= past) words += ".";
  return words.trim() || "dog";
}

async function ours() {
  const model = await load(folder, { threads });
  const image = { data: pixels, width: SIZE, height: SIZE, channels: 3 };
  const { usage } = await model.generate({ image, prompt: "dog", maxTokens: 1 });
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true });
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false }).length;
  const fixed = usage.promptTokens - encode("dog");
  const prompt = await promptOf((text) => fixed + encode(text.trim()));
  const chosen = method === "vcd" ? vcd({ beta: 0 }) : regular();
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const answer = await model.generate({ image, prompt, method: chosen, maxTokens: tokens });
    times.push({
      msPerToken: answer.timings.msPerToken,
      prefillMs: answer.timings.prefillMs,
      past: answer.usage.promptTokens,
      tokens: answer.tokens.length,
    });
  }
  return times;
}

async function peer() {
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const local = { local_files_only: true };
  const processor = await AutoProcessor.from_pretrained(folder, local);
  const model = await LlavaForConditionalGeneration.from_pretrained(folder, {
    ...local,
    dtype: "fp32",
    device: "cpu",
    session_options,
  });
  const image = new RawImage(pixels, SIZE, SIZE, 3);
  const render = (text) =>
    processor.apply_chat_template(
      [{ role: "user", content: [{ type: "image" }, { type: "text", text }] }],
      { add_generation_prompt: true },
    );
  const inputsOf = (text) => processor(image, render(text), { add_special_tokens: false });
  const empty = await inputsOf("dog");
  const count = (text) => processor.tokenizer.encode(text, { add_special_tokens: false }).length;
  const fixed = empty.input_ids.dims[1] - count("dog");
  const prompt = await promptOf((text) => fixed + count(text.trim()));
  const inputs = await inputsOf(prompt);
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const stamps = [];
    const streamer = { put: () => stamps.push(performance.now()), end: () => {} };
    const start = performance.now();
    await model.generate({ ...inputs, max_new_tokens: tokens, do_sample: false, streamer });
    // The first call to the streamer hands it the prompt.
    const [, first] = stamps;
    times.push({
      msPerToken: (stamps.at(-1) - first) / (stamps.length - 2),
      prefillMs: first - start,
      past: inputs.input_ids.dims[1],
      tokens: stamps.length - 1,
    });
  }
  return times;
}

const times = await (engine === "groundsight" ? ours() : peer());
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
process.stdout.write(
  `${JSON.stringify({
    msPerToken: median(times.map((time) => time.msPerToken)),
    prefillMs: median(times.map((time) => time.prefillMs)),
    past: times[0].past,
    tokens: times[0].tokens,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  })}\n`,
);

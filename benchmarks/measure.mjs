// Measures one case in a process of its own, an answer whenever speed.mjs asks for one, so that cases take turns.
import { readFileSync } from "node:fs";
import {
  AutoProcessor,
  AutoTokenizer,
  LlavaForConditionalGeneration,
  RawImage,
} from "@huggingface/transformers";
import { load, regular, vcd } from "../dist/index.js";

const { engine, folder, method, past, tokens, threads } = JSON.parse(process.argv[2]);
const SIZE = 96;
const pixels = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => (i * 7919) % 251);

/** Text that makes the whole prompt `past` tokens long (or one word, where the image alone is longer), by counting. */
async function promptOf(count) {
  let words = "";
  while (count(`${words} dog`) <= past) words += " dog";
  while (count(`${words}.`) <= past) words += ".";
  return words.trim() || "dog";
}

/** What makes an answer of groundsight and tells how long it took. */
async function ours() {
  const model = await load(folder, { threads });
  const image = { data: pixels, width: SIZE, height: SIZE, channels: 3 };
  const { usage } = await model.generate({ image, prompt: "dog", maxTokens: 1 });
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true });
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false }).length;
  const fixed = usage.promptTokens - encode("dog");
  const prompt = await promptOf((text) => fixed + encode(text.trim()));
  const chosen = method === "vcd" ? vcd({ beta: 0 }) : regular();
  return async () => {
    const answer = await model.generate({ image, prompt, method: chosen, maxTokens: tokens });
    const { msPerToken } = answer.timings;
    return { msPerToken, past: answer.usage.promptTokens, tokens: answer.tokens.length };
  };
}

/** The same of transformers.js. */
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
  return async () => {
    const stamps = [];
    const streamer = { put: () => stamps.push(performance.now()), end: () => {} };
    await model.generate({ ...inputs, max_new_tokens: tokens, do_sample: false, streamer });
    // The first call to the streamer hands it the prompt.
    const msPerToken = (stamps.at(-1) - stamps[1]) / (stamps.length - 2);
    return { msPerToken, past: inputs.input_ids.dims[1], tokens: stamps.length - 1 };
  };
}

/** Largest resident memory of this process. What Node tells on Linux is never below the peak of its parent. */
function peakMiB() {
  const told = process.resourceUsage().maxRSS / 1024;
  if (process.platform !== "linux") return told;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
}

const answer = await (engine === "groundsight" ? ours() : peer());
process.on("message", async () => {
  process.send({ ...(await answer()), peakMiB: peakMiB() });
});
process.send("loaded");

import { InferenceError, LocalModel, regular, vcd, vdgd, vti } from "groundsight/core";
import { expect, test } from "vitest";
import { LlamaServer } from "../examples/own-backend.js";

const pixels = {
  data: new Uint8Array(8 * 8 * 3).fill(90),
  width: 8,
  height: 8,
  channels: 3,
} as const;
const words = ["<end>", " Yes", " No", " dog", " cat"];

/** A server that sees a plain grey image half right, and what is not plain as language has it. */
function fakeServer() {
  const asked: { path: string; body: unknown }[] = [];
  const answer = (path: string, body: Readonly<Record<string, unknown>>): unknown => {
    if (path === "/props") {
      return {
        default_generation_settings: { n_ctx: 512 },
        model_path: "dog.gguf",
        media_marker: "<__media__>",
        eos_token: "<end>",
      };
    }
    if (path === "/v1/models") return { data: [{ meta: { n_vocab: 100 } }] };
    if (path === "/tokenize") return { tokens: body.content === "<end>" ? [0] : [9, 9, 9] };
    if (path === "/apply-template") {
      const messages = body.messages as { content: string }[];
      return { prompt: `${messages.map(({ content }) => content).join("\n")}\nAnswer:` };
    }
    const { prompt_string: text, multimodal_data: files } = body.prompt as {
      prompt_string: string;
      multimodal_data: string[];
    };
    if (text.includes("fail")) return undefined;
    const shades = new Set(files.flatMap((file) => [...Buffer.from(file, "base64").subarray(12)]));
    const p = !text.endsWith("Answer:")
      ? [0.9, 0.02, 0.02, 0.02, 0.02]
      : shades.size < 3
        ? [0.01, 0.5, 0.45, 0.01, 0.01]
        : [0.01, 0.9, 0.05, 0.01, 0.01];
    const best = p.map((share, id) => ({ id, token: words[id], logprob: Math.log(share) }));
    return { completion_probabilities: [{ top_logprobs: best }] };
  };
  const fetch = async (url: string, init?: RequestInit) => {
    const path = new URL(url).pathname;
    const body = init?.body === undefined ? {} : JSON.parse(String(init.body));
    asked.push({ path, body });
    const answered = answer(path, body);
    return answered === undefined ? new Response("", { status: 500 }) : Response.json(answered);
  };
  return { fetch, asked };
}

async function connect() {
  const { fetch, asked } = fakeServer();
  const backend = await LlamaServer.connect("http://localhost:8080", fetch);
  return { model: new LocalModel(backend), asked };
}
const prompt = "Is there a dog?";

test("regular answers as the server would; vcd takes back what the image does not support", async () => {
  const { model, asked } = await connect();
  const plain = await model.generate({ image: pixels, prompt });
  expect(plain).toMatchObject({ text: "Yes", finishReason: "eos" });
  expect(plain.tokens[0]!.logprob).toBeCloseTo(Math.log(0.5), 5);
  const contrasted = await model.generate({ image: pixels, prompt, method: vcd() });
  expect(contrasted.text).toBe("No");
  const completions = asked.filter(({ path }) => path === "/completion");
  expect(completions).toHaveLength(2 + 2 * 2);
});

test("batches: a request that the server fails harms no other", async () => {
  const { model } = await connect();
  const methods = [regular(), vcd()];
  const requests = ["fail", prompt].flatMap((text) =>
    methods.map((method) => ({ image: pixels, prompt: text, method })),
  );
  const settled = await model.generateSettled(requests);
  expect(settled.map(({ status }) => status)).toEqual([
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(settled[0]).toMatchObject({ reason: expect.any(InferenceError) });
});

test("vdgd and edits of graphs are refused by name", async () => {
  const { model, asked } = await connect();
  const before = asked.length;
  await expect(model.generate({ image: pixels, prompt, method: vdgd() })).rejects.toThrow(
    "method vdgd needs the logits of the whole vocabulary, which model dog.gguf does not offer",
  );
  const text = { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 0) };
  const steered = vti({ directions: { modelHash: "0", text, facts: {} } });
  await expect(model.generate({ image: pixels, prompt, method: steered })).rejects.toThrow(
    /method vti needs an edit of the decoder graph/,
  );
  expect(asked).toHaveLength(before);
});

import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Tensors } from "../../src/backends/onnx/runtime.js";
import type { Turn } from "../../src/engine/conversation.js";
import { vcd } from "../../src/methods/vcd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { fakeOnnxModel, fakeOnnxParts } from "./fake-onnx.js";

const imageOf = (value: number) =>
  ({ data: Uint8Array.of(value, 9), width: 2, height: 1, channels: 1 }) as const;
const image = imageOf(40);
const ANSWER_MARK = "\nMODEL:".length;

/** A fake model that counts runs of its vision encoder, and rows that its decoder was given. */
function counting() {
  const parts = fakeOnnxParts({ respond: () => "ok" });
  const counts = { images: 0, rows: 0 };
  const { vision, decoder } = parts.graphs;
  type Feeds = Parameters<typeof vision.session.run>[0];
  const encode = (feeds: Feeds) => {
    counts.images++;
    return vision.session.run(feeds);
  };
  const decode = (feeds: Feeds) => {
    const [batch, steps] = (feeds as Tensors).inputs_embeds!.dims;
    counts.rows += batch! * steps!;
    return decoder.session.run(feeds);
  };
  const graphs = {
    ...parts.graphs,
    vision: { ...vision, session: { ...vision.session, run: encode } },
    decoder: { ...decoder, session: { ...decoder.session, run: decode } },
  };
  return { model: new LocalModel(new OnnxBackend({ ...parts, graphs })), counts };
}

/** A chat about one image: each question asked with all that was said before. */
async function chat(model: LocalModel, questions: readonly string[], onAnswer: () => void) {
  const turns: Turn[] = [];
  for (const [i, text] of questions.entries()) {
    const first = i === 0 ? [{ type: "image", image } as const] : [];
    turns.push({ role: "user", content: [...first, { type: "text", text }] });
    const answer = await model.generate({ turns });
    turns.push({ role: "assistant", content: answer.text });
    onAnswer();
  }
}

test("8 questions of a chat on one image encode it once and prefill its tokens once", async () => {
  const { model, counts } = counting();
  const questions = Array.from({ length: 8 }, (_, i) => `Question number ${i}?`);
  const rows: number[] = [];
  await chat(model, questions, () => {
    rows.push(counts.rows);
    counts.rows = 0;
  });
  expect(counts.images).toBe(1);
  // Beginning and four image tokens; the question; two tokens of the answer "ok".
  const asked = questions[0]!.length + ANSWER_MARK;
  expect(rows[0]).toBe(5 + asked + 2);
  // Each further question costs itself, the answer before it ("ok" and an end of line), and its own answer.
  expect(rows.slice(1)).toEqual(Array.from({ length: 7 }, () => 3 + asked + 2));
});

test("a question of a chat gets the answer that it gets in a fresh model", async () => {
  const turns: Turn[] = [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "Look: " },
        { type: "image", image },
      ],
    },
    { role: "assistant", content: "I see it." },
    {
      role: "user",
      content: [
        { type: "image", image: imageOf(200) },
        { type: "text", text: " and this? " },
        { type: "image", image },
      ],
    },
  ];
  const model = fakeOnnxModel();
  await model.generate({ turns: turns.slice(0, 2) });
  for (const method of [undefined, vcd()]) {
    const request = { turns, maxTokens: 12, ...(method && { method }) };
    const warm = await model.generate(request);
    const fresh = await fakeOnnxModel().generate(request);
    const fake = await fakeModel().generate(request);
    expect(warm.tokens).toEqual(fresh.tokens);
    // The tokenizer of the graphs' fake does not tell bytes.
    expect(fake.tokens.map(({ bytes: _, ...token }) => token)).toEqual(fresh.tokens);
    expect(fresh.usage.imageTokens).toBe(12);
  }
});

test("the short form is a conversation of one turn, the image first", async () => {
  const short = await fakeModel().generate({ prompt: "What is it?", image, maxTokens: 9 });
  const content = [
    { type: "image", image },
    { type: "text", text: "What is it?" },
  ] as const;
  const long = await fakeModel().generate({ turns: [{ role: "user", content }], maxTokens: 9 });
  expect(long.tokens).toEqual(short.tokens);
  const turned = [{ role: "user", content: content.toReversed() }] as const;
  const other = await fakeModel().generate({ turns: turned, maxTokens: 9 });
  expect(other.tokens).not.toEqual(short.tokens);
});

test("vcd distorts every image of a conversation, each with noise of its own", async () => {
  const { model, counts } = counting();
  const content = [
    { type: "image", image },
    { type: "image", image: imageOf(90) },
    { type: "text", text: "What?" },
  ] as const;
  await model.generate({ turns: [{ role: "user", content }], method: vcd() });
  expect(counts.images).toBe(4);
});

test.each<[object, string]>([
  [{ turns: [] }, "turns: received []"],
  [
    {
      turns: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
      ],
    },
    "the last one is the assistant's",
  ],
  [{ turns: [{ role: "human", content: "a" }] }, "turn 0: received role 'human'"],
  [{ turns: [{ role: "user", content: [] }] }, "turn 0: received content []"],
  [
    { turns: [{ role: "user", content: [{ type: "video" }] }] },
    "turn 0: received a part of type 'video'",
  ],
  [{ turns: [{ role: "user", content: [{ type: "image" }] }] }, "image: received undefined"],
  [{ turns: [{ role: "user", content: " " }] }, "turn 0: received an empty text"],
  [{ turns: [{ role: "user", text: "a" }] }, "turn 0 has no field 'text'"],
  [
    { turns: [{ role: "user", content: "a" }], prompt: "b" },
    "turns: received a prompt or image beside them",
  ],
  [{ turns: [{ role: "user", content: "a <image> b" }] }, "image token <image>"],
])("%j is refused", async (request, message) => {
  await expect(fakeModel().generate(request)).rejects.toThrow(message);
});

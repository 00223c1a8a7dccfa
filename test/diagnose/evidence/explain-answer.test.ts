/** Evidence for each token of an answer, on models whose logits are known. */
import { describe, expect, test } from "vitest";
import { explainAnswer } from "../../../src/diagnose/evidence/explain-answer.js";
import type { ExplainRequest } from "../../../src/diagnose/evidence/explain-request.js";
import type { ReadOptions } from "../../../src/engine/reading.js";
import type { TextModel } from "../../../src/engine/text-model.js";
import { withoutImages } from "../../../src/engine/view.js";
import { logSoftmax } from "../../../src/math/log-softmax.js";
import { diffusedView } from "../../../src/methods/distortions.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { ids, image } from "../../engine/asked.js";

const question = { prompt: "What is this?", image };
const bytes = (text: string) => [...new TextEncoder().encode(text)];

/** A base LLM over bytes: what it finds likeliest at each place is told, best first. */
function fakeBase(likely: (position: number) => readonly number[], over?: Partial<TextModel>) {
  const asked: { tokens: readonly number[]; from: number }[] = [];
  const base: TextModel = {
    id: "fake-base",
    vocabularySize: 258,
    contextLength: 4096,
    endToken: 257,
    hash: async () => "base",
    encode: bytes,
    decode: (tokens) => new TextDecoder().decode(Uint8Array.from(tokens.filter((id) => id < 256))),
    async logits(tokens, onPosition, { from = 0 } = {}) {
      asked.push({ tokens, from });
      for (let position = from; position < tokens.length; position++) {
        const logits = new Float32Array(258);
        likely(position - from).forEach((id, i) => {
          logits[id] = 9 - i;
        });
        onPosition(logits, position);
      }
    },
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
    ...over,
  };
  return { base, asked };
}

/** Log-probabilities of each position of each stream, read by hand. */
async function rowsOf(request: Required<Pick<ExplainRequest, "answer">>, step = 500) {
  const rows: Float32Array[][] = [[], [], []];
  const streams: ReadOptions["streams"] = (run) => [
    { view: run.view },
    { view: diffusedView(run, step) },
    { view: withoutImages(run.view) },
  ];
  const read = await fakeModel().read(
    { ...question, ...request },
    {
      streams,
      onPosition: ({ logits }, position, stream) => {
        rows[stream]![position] = logSoftmax(logits);
      },
    },
  );
  return { rows, read };
}

const sorted = (row: Float32Array) => [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b);

test("every number is that of the streams' distributions", async () => {
  const { rows, read } = await rowsOf({ answer: "No dog." });
  const explanation = await explainAnswer(fakeModel(), { ...question, answer: "No dog." });
  expect(explanation.tokens.map(({ id }) => id)).toEqual(bytes(" No dog."));
  explanation.tokens.forEach((token, i) => {
    const [own, distorted, imageless] = rows.map((stream) => stream[i]!);
    const y = read.tokens[i]!;
    expect(token.logprob).toBe(own![y]);
    expect(token.probability).toBeCloseTo(Math.exp(own![y]!), 12);
    expect(sorted(own!)[token.rank]).toBe(y);
    const probabilities = Array.from(own!, Math.exp);
    const most = Math.max(...probabilities);
    expect(token.entropy).toBeCloseTo(
      -probabilities.reduce((sum, p) => sum + p * Math.log(p), 0),
      5,
    );
    expect(token.plausible).toBe(probabilities.filter((p) => p >= 0.1 * most).length);
    expect(token.top.map(({ id }) => id)).toEqual(sorted(own!).slice(0, 5));
    for (const [view, row] of [
      [token.distorted!, distorted!],
      [token.imageless!, imageless!],
    ] as const) {
      expect(view.logprob).toBe(row[y]);
      expect(view.difference).toBeCloseTo(own![y]! - row[y]!, 6);
      const kl = probabilities.reduce((sum, p, k) => sum + p * (own![k]! - row[k]!), 0);
      expect(view.divergence).toBeCloseTo(kl, 5);
      expect(view.top[0]).toMatchObject({ id: sorted(row)[0], logprob: Math.max(...row) });
    }
    expect(token.base).toMatchObject({ logprob: imageless![y] });
    expect(sorted(imageless!)[token.base!.rank]).toBe(y);
  });
  expect(explanation).toMatchObject({
    schemaVersion: 1,
    model: { id: "fake", dtype: "fp32", hash: "fake" },
    base: { id: "fake", kind: "approximation" },
    question: "What is this?",
    answer: "No dog.",
    generated: false,
    seed: 0,
    settings: { beta: 0.1, noiseStep: 500 },
    image: { width: 1, height: 1 },
    phrases: [],
    warnings: [],
  });
});

test("settings and seed are those of the methods", async () => {
  const request = { ...question, answer: "No." };
  const { rows } = await rowsOf({ answer: "No." }, 900);
  const told = await explainAnswer(fakeModel(), request, { noiseStep: 900, beta: 0, top: 2 });
  expect(told.tokens[1]!.distorted!.logprob).toBe(rows[1]![1]![bytes("N")[0]!]);
  expect(told.tokens[1]!.plausible).toBe(259);
  expect(told.tokens[1]!.top.length).toBe(2);
  expect(told.tokens[1]!.distorted!.top.length).toBe(2);
  const other = await explainAnswer(fakeModel(), { ...request, seed: 1 }, { noiseStep: 900 });
  expect(other.tokens[1]!.distorted).not.toEqual(told.tokens[1]!.distorted);
  expect(other.tokens[1]!.logprob).toEqual(told.tokens[1]!.logprob);
});

test("without an answer it explains the greedy one", async () => {
  const model = fakeModel({ respond: () => "A dog ✓" });
  const { tokens: said } = await model.generate(question);
  const { answer, generated, tokens } = await explainAnswer(model, question);
  expect([answer, generated]).toEqual(["A dog ✓", true]);
  expect(tokens.map(({ id }) => id)).toEqual(ids({ tokens: said }));
  expect(tokens.every(({ rank }) => rank === 0)).toBe(true);
  const cut = await explainAnswer(model, { ...question, maxTokens: 3 });
  expect(cut.answer).toBe("A d");
});

test("places join to the answer; of a character's tokens the last has it whole", async () => {
  const request = { ...question, answer: "  Là ✓. " };
  const { answer, tokens } = await explainAnswer(fakeModel(), request);
  expect(answer).toBe("Là ✓.");
  expect(tokens.map(({ start, end }) => answer.slice(start, end))).toEqual([
    ...["", "L", "", "à", " ", "", "", "✓", "."],
  ]);
});

test("a question without an image has no other view of one", async () => {
  const { image: _, ...text } = question;
  const told = await explainAnswer(fakeModel(), { ...text, answer: "No." });
  expect(told.image).toBeNull();
  expect(told.tokens[1]).toMatchObject({ distorted: null, imageless: null });
  const base = told.tokens[1]!.base!;
  expect([base.rank, base.logprob]).toEqual([told.tokens[1]!.rank, told.tokens[1]!.logprob]);
});

test("a conversation is told by its last question and its first image", async () => {
  const turns = [
    {
      role: "user",
      content: [
        { type: "image", image },
        { type: "text", text: "What is it?" },
      ],
    },
    { role: "assistant", content: "A dog." },
    { role: "user", content: "Which colour?" },
  ] as const;
  const told = await explainAnswer(fakeModel(), { turns, answer: "Red." }, { embedImage: true });
  expect(told).toMatchObject({ question: "Which colour?", image: { width: 1, height: 1 } });
  expect(told.image!.dataUrl).toMatch(/^data:image\/webp;base64,/);
});

test("an answer that ends at once is told as such", async () => {
  const model = fakeModel({ respond: () => "" });
  const told = await explainAnswer(model, question);
  expect(told).toMatchObject({
    answer: "",
    generated: true,
    tokens: [],
    question: "What is this?",
  });
  expect(told.warnings).toEqual(["the model ended its answer before the first token"]);
});

test("phrases are those that were assessed", async () => {
  const phrase = { text: "dog", start: 2, end: 5 } as never;
  const request = { ...question, answer: "A dog" };
  const { phrases, warnings } = await explainAnswer(fakeModel(), request, {
    assess: async ({ explanation, request: asked }) => {
      expect([explanation.answer, asked]).toEqual(["A dog", request]);
      return { phrases: [phrase], warnings: ["of phrases"] };
    },
  });
  expect(phrases).toEqual([phrase]);
  expect(warnings).toEqual(["of phrases"]);
});

describe("a base LLM", () => {
  const [blank, n, o] = bytes(" No") as [number, number, number];

  test("ranks each token behind the prompt without its image, in one pass", async () => {
    const { base, asked } = fakeBase((i) => [[blank], [1, n], [1, 2, 3, o]][i]!);
    const request = { ...question, answer: "No" };
    const { tokens, base: told, warnings } = await explainAnswer(fakeModel(), request, { base });
    expect(told).toEqual({ id: "fake-base", kind: "base-llm" });
    expect(tokens.map(({ base: view }) => [view!.rank, view!.shift])).toEqual([
      [0, "unshifted"],
      [1, "marginal"],
      [3, "shifted"],
    ]);
    expect(tokens[1]!.base!.top.map(({ id, text }) => [id, text]).slice(0, 2)).toEqual([
      [1, "\u0001"],
      [n, "N"],
    ]);
    expect(warnings).toEqual([]);
    const { rows: _, read } = await rowsOf({ answer: "No" });
    expect(asked).toEqual([
      { tokens: [...read.prompts[2]!, blank, n], from: read.prompts[2]!.length - 1 },
    ]);
  });

  test("reads its end of text where it lacks a token of the prompt, and says so", async () => {
    const { base, asked } = fakeBase(() => [], { vocabularySize: 256, endToken: 0 });
    const request = { ...question, answer: "No" };
    const { warnings, tokens } = await explainAnswer(fakeModel(), request, { base });
    expect(warnings).toEqual(["base: fake-base has no tokens 256, which stood as its end of text"]);
    expect(asked[0]!.tokens[0]).toBe(0);
    expect(tokens.every(({ base: view }) => view !== null)).toBe(true);
  });

  test("has no view of tokens that it lacks, or of more than its context", async () => {
    const answer = [...bytes(" N"), 200];
    const few = fakeBase(() => [], { vocabularySize: 128 }).base;
    const { tokens } = await explainAnswer(fakeModel(), { ...question, answer }, { base: few });
    expect(tokens.map(({ base: view }) => view === null)).toEqual([false, false, true]);
    const short = fakeBase(() => [], { contextLength: 9 }).base;
    const told = await explainAnswer(fakeModel(), { ...question, answer }, { base: short });
    expect(told.tokens.map(({ base: view }) => view)).toEqual([null, null, null]);
    expect(told.warnings[0]).toContain("its context 9");
  });

  test("of another tokenizer is refused with what differs", async () => {
    const request = { ...question, answer: "No" };
    const shifted = fakeBase(() => [], { encode: (text) => [...bytes(text), 1] }).base;
    await expect(explainAnswer(fakeModel(), request, { base: shifted })).rejects.toThrow(
      /fake and fake-base have different tokenizers.*"The quick brown/,
    );
    const renamed = fakeBase(() => [], { decode: (tokens) => `<${tokens}>` }).base;
    await expect(explainAnswer(fakeModel(), request, { base: renamed })).rejects.toThrow(
      /token \d+ is ".*" there and "<\d+>" here/,
    );
  });

  test("may be none", async () => {
    const request = { ...question, answer: "No" };
    const told = await explainAnswer(fakeModel(), request, { base: null });
    expect([told.base, told.tokens[0]!.base]).toEqual([null, null]);
  });
});

test("says what is wrong", async () => {
  const explain = (request: object, options: object = {}) =>
    explainAnswer(fakeModel(), { ...question, ...request } as ExplainRequest, options);
  await expect(explain({}, { beta: 2 })).rejects.toThrow("beta: received 2");
  await expect(explain({}, { noiseStep: 1000 })).rejects.toThrow("noise step: received 1000");
  await expect(explain({}, { betas: 1 })).rejects.toThrow("betas");
  await expect(explain({ answer: " " })).rejects.toThrow("answer: received");
  await expect(explain({ answers: "No" })).rejects.toThrow("answers");
  await expect(explain({ signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  const best = explainAnswer(fakeModel({ best: 5 }), { ...question, answer: "No" });
  await expect(best).rejects.toThrow("tells its likeliest tokens only");
});

describe("views that are asked for alone", () => {
  const asked = { ...question, answer: "A dog." };

  test("are told as they are among all; the others are null", async () => {
    const all = await explainAnswer(fakeModel(), asked, { base: null });
    for (const view of ["distorted", "imageless"] as const) {
      const one = await explainAnswer(fakeModel(), asked, { base: null, views: [view] });
      const other = view === "distorted" ? "imageless" : "distorted";
      expect(one.tokens).toEqual(all.tokens.map((token) => ({ ...token, [other]: null })));
    }
    const none = await explainAnswer(fakeModel(), asked, { base: null, views: [] });
    expect(none.tokens).toEqual(
      all.tokens.map((token) => ({ ...token, distorted: null, imageless: null })),
    );
  });

  test("a base is told without the image all the same; what is no view is refused", async () => {
    const all = await explainAnswer(fakeModel(), asked);
    const { tokens } = await explainAnswer(fakeModel(), asked, { views: [] });
    expect(tokens).toEqual(all.tokens.map((token) => ({ ...token, distorted: null })));
    const wrong = ["blurred"] as never;
    await expect(explainAnswer(fakeModel(), asked, { views: wrong })).rejects.toThrow(
      'views: received "blurred"; expected some of distorted, imageless',
    );
  });
});

/** Doubtful words of captions, on a model whose answers are known. */
import { describe, expect, test } from "vitest";
import type { TrustCalibration } from "../../../src/diagnose/trust/calibration.js";
import { checkCaption, checkCaptions } from "../../../src/diagnose/trust/check-caption.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { openModel, picture, readReference } from "../../checkpoints.js";
import { image } from "../../engine/asked.js";

/** There is a dog and a person, and nothing else. */
const model = fakeModel({
  respond: ({ prompt }) => (/an? (dog|person|собака) in the image/.test(prompt) ? "Yes" : "No"),
});

const calibration: TrustCalibration = {
  schemaVersion: 1,
  model: { id: "fake", dtype: "fp32", hash: "fake" },
  data: { name: "none", captions: 1, objects: 2, invented: 1 },
  wording: "Is there a {object} in the image?",
  elementPrompt: "Name an element.",
  noiseStep: 500,
  bias: 1,
  signals: [
    { name: "verification", mean: 0, sd: 10, weight: -2 },
    { name: "imageless", mean: 0, sd: 1, weight: 0 },
  ],
  threshold: 0.5,
  kept: 95,
};

describe("without a calibration", () => {
  test("what the model denies is doubtful, with its place and a reason; it is said that trust is not calibrated", async () => {
    const caption = "  Ein 🐶: two puppies with a fork, a man and another fork.\n";
    const check = await checkCaption(model, image, caption);
    expect(check.phrases.map(({ text, object }) => [text, object])).toEqual([
      ["puppies", "dog"],
      ["fork", "fork"],
      ["man", "person"],
      ["fork", "fork"],
    ]);
    for (const { start, end, text } of check.phrases) expect(caption.slice(start, end)).toBe(text);
    expect(check.doubtful.map(({ start }) => start)).toEqual([
      caption.indexOf("fork"),
      caption.lastIndexOf("fork"),
    ]);
    expect(check.doubtful[0]!.reasons).toEqual([
      expect.stringMatching(/^asked back, the model says no: 100% against fork$/),
    ]);
    expect(check.doubtful[0]!.trust).toBeLessThan(1e-4);
    expect(check.phrases[0]!.trust).toBeGreaterThan(0.999);
    expect(check.warnings).toEqual([expect.stringContaining("no calibration for fake")]);
    // Bytes are tokens; the blank in front of an answer is one of its own.
    const [first, end] = check.doubtful[0]!.tokens;
    expect(end - first).toBe(4);
  });

  test("more signals are read where they are asked for, with warnings of those that there are not", async () => {
    const check = await checkCaption(model, image, "A fork.", {
      signals: ["logprob", "entropy", "anyElement", "baseRank", "attention", "distorted"],
    });
    const { signals } = check.phrases[0]!;
    expect(Object.keys(signals)).toEqual([
      ...["verification", "anyElement", "logprob", "entropy", "distorted", "baseRank"],
      "attention",
    ]);
    expect(signals).toMatchObject({ baseRank: null, attention: null });
    for (const name of ["anyElement", "logprob", "entropy", "distorted"]) {
      expect(Number.isFinite(signals[name])).toBe(true);
    }
    expect(check.warnings.join("\n")).toMatch(/baseRank: no base LLM[\s\S]*attention: /);
  });
});

describe("with a calibration", () => {
  test("phrases below its threshold are doubtful, and the signals that speak most against them are told", async () => {
    const check = await checkCaption(model, image, "A dog and a fork.", { calibration });
    expect(check.phrases.map(({ doubtful }) => doubtful)).toEqual([false, true]);
    expect(check.doubtful[0]!.reasons).toEqual([expect.stringContaining("the model says no")]);
    expect(check.phrases[0]!.reasons).toEqual([]);
    expect(check.warnings).toEqual([]);
  });

  test("a signal that counts against its direction is no reason", async () => {
    const signals = [
      ...calibration.signals,
      { name: "entropy", mean: 9, sd: 1, weight: 5 } as const,
    ];
    const check = await checkCaption(model, image, "A fork.", {
      calibration: { ...calibration, signals },
    });
    expect(check.doubtful[0]!.reasons).toEqual([expect.stringContaining("the model says no")]);
  });

  test("what differs from what it was fitted for is told", async () => {
    const other = { ...calibration, model: { ...calibration.model, id: "other", hash: "x" } };
    const check = await checkCaption(model, image, "A dog.", {
      calibration: other,
      wording: "Do you see a {object} in the image?",
      noiseStep: 300,
    });
    expect(check.warnings).toEqual([
      expect.stringMatching(/fitted with model other, wording "Is there .*, noise step 500/),
    ]);
  });
});

describe("phrases of one's own", () => {
  test("are asked about as they stand, in any script", async () => {
    const caption = "Здесь собака и кошка.";
    const check = await checkCaption(model, image, caption, {
      phrases: ["собака", "кошка"],
      calibration: null,
    });
    expect(check.phrases.map(({ text, doubtful }) => [text, doubtful])).toEqual([
      ["собака", false],
      ["кошка", true],
    ]);
    expect(caption.slice(check.phrases[1]!.start, check.phrases[1]!.end)).toBe("кошка");
  });
});

describe("odd captions", () => {
  test("one without objects has no doubts, and says so", async () => {
    const check = await checkCaption(model, image, "Nothing to see.");
    expect(check).toMatchObject({ phrases: [], doubtful: [] });
    expect(check.warnings).toEqual(["the caption names no object that is known"]);
  });

  test("empty ones and ones that are no text are refused by number", async () => {
    await expect(checkCaption(model, image, " \n")).rejects.toThrow("caption: received");
    await expect(checkCaption(model, image, undefined as never)).rejects.toThrow("caption");
    const some = ["A dog.", ""].map((caption) => ({ image, caption }));
    await expect(checkCaptions(model, some)).rejects.toThrow("captions[1]: caption: received");
  });

  test("one beyond the context is refused, a long one is read", async () => {
    const small = fakeModel({ contextLength: 160 });
    await expect(checkCaption(small, image, "a dog ".repeat(90))).rejects.toThrow("context");
    const check = await checkCaption(model, image, "a dog ".repeat(20));
    expect(check.phrases.length).toBe(20);
  });

  test("options that cannot be meant are refused", async () => {
    await expect(
      checkCaption(model, image, "A dog.", { signals: ["luck" as never] }),
    ).rejects.toThrow('received "luck"');
    await expect(checkCaption(model, image, "A dog.", { wording: "Is it?" })).rejects.toThrow(
      "wording",
    );
    await expect(
      checkCaption(model, image, "A dog.", { signal: AbortSignal.abort() }),
    ).rejects.toThrow("aborted");
  });
});

test("many captions are checked, each as it is alone", async () => {
  const captions = ["A dog.", "A fork and a dog.", "Nothing.", "A cat."];
  const checks = await checkCaptions(
    model,
    captions.map((caption) => ({ image, caption })),
  );
  expect(checks.map(({ caption }) => caption)).toEqual(captions);
  expect(checks.map(({ doubtful }) => doubtful.length)).toEqual([0, 1, 0, 1]);
  expect(checks[1]).toEqual(await checkCaption(model, image, captions[1]!));
});

test.each(["smolvlm-gqa", "llava-concat", "qwen2-vl-concat"])(
  "%s gives every signal that its graphs have",
  async (name) => {
    await using tiny = await openModel(name);
    const [formula] = readReference(name).images;
    const caption = "A dog beside two forks.";
    const check = await checkCaption(tiny, picture(formula!), caption, {
      signals: [
        "anyElement",
        "logprob",
        "entropy",
        "distorted",
        "imageless",
        "attention",
        "logitLens",
      ],
      attentionLayers: [0],
    });
    expect(check.phrases.map(({ text }) => text)).toEqual(["dog", "forks"]);
    for (const { tokens, signals } of check.phrases) {
      expect(tokens[1]).toBeGreaterThan(tokens[0]);
      for (const [signal, value] of Object.entries(signals)) {
        expect(Number.isFinite(value), signal).toBe(true);
      }
      expect(signals.attention).toBeGreaterThan(0);
      expect(signals.attention).toBeLessThan(1);
      expect(signals.logitLens).toBeLessThan(0);
    }
    const none = await checkCaption(tiny, picture(formula!), caption, {
      signals: ["attention", "logitLens"],
      attentionLayers: [99],
      lensLayers: [99],
    });
    expect(none.phrases[0]!.signals).toMatchObject({ attention: null, logitLens: null });
    expect(none.warnings[0]).toMatch(/^attention: .*layer 99; expected/);
    expect(none.warnings[1]).toMatch(/^logitLens: .*layer 99; expected/);
  },
);

describe("what is read of a caption", () => {
  /** How many ways of seeing the question a check reads the caption in. */
  async function streamsOf(options: Parameters<typeof checkCaption>[3]): Promise<number> {
    let count = 0;
    const counting = fakeModel();
    const read = counting.read.bind(counting);
    Object.assign(counting, {
      read: ((request, given) =>
        read(request, {
          ...given,
          streams: (run) => {
            const streams = given.streams?.(run) ?? [{ view: run.view }];
            count += streams.length;
            return streams;
          },
        })) satisfies typeof read,
    });
    await checkCaption(counting, image, "A fork.", options);
    return count;
  }

  test("is what its calibration counts, or what is asked for", async () => {
    expect(await streamsOf({})).toBe(1);
    expect(await streamsOf({ calibration })).toBe(2);
    const alone = { ...calibration, signals: calibration.signals.slice(0, 1) };
    expect(await streamsOf({ calibration: alone })).toBe(1);
    expect(await streamsOf({ calibration: alone, signals: ["distorted", "imageless"] })).toBe(3);
  });
});

/** Methods that change attention: when they do nothing, that they do something, and what they go together with. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MethodRun } from "../../src/engine/method.js";
import type { Answer, Method, Model } from "../../src/index.js";
import {
  averaging,
  heads,
  InvalidArgumentError,
  icd,
  load,
  m3id,
  methodFromText,
  methodText,
  pai,
  regular,
  UnsupportedCapabilityError,
  vaf,
  vcd,
  vdd,
} from "../../src/index.js";
import { layerRange } from "../../src/methods/layer-range.js";
import { givesFusedWeights } from "../../src/onnx/attention-weights.js";
import { attentionScoresEdit } from "../../src/onnx/edits/attention-scores.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { CHECKPOINTS } from "../checkpoints.js";
import { shape } from "../onnx/edits/small-runs.js";

const IMAGES = fileURLToPath(new URL("../../pocket/bench/dev/images/", import.meta.url));
const image = (number: number) => `${IMAGES}dev_00000${number}.png`;
const logprobs = ({ tokens }: Answer) => tokens.map(({ id, logprob }) => [id, logprob]);
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);

const STILL: readonly Method[] = [
  pai({ alpha: 0, gamma: 1 }),
  heads({ alpha: 0 }),
  vaf({ enhance: 1, suppress: 1 }),
];
const ACTIVE: readonly Method[] = [
  pai({ alpha: 0.5, gamma: 1 }),
  pai({ alpha: 0, gamma: 1.5 }),
  pai({ alpha: 0.5, gamma: 1, form: "added" }),
  heads({ alpha: 1 }),
  vaf({ enhance: 1.5, suppress: 0.7 }),
  vaf({ enhance: 1.5, suppress: 0.7, form: "added" }),
];

describe.each(["pocket", `${CHECKPOINTS}smolvlm-gqa`, `${CHECKPOINTS}qwen2.5-vl-gqa`])(
  "%s",
  (id) => {
    let model: Model;
    const ask = { image: image(1), prompt: "Describe the image.", maxTokens: 6 };
    beforeAll(async () => {
      model = await load(id, { threads: 1 });
    });
    afterAll(() => model.dispose());

    test("strength 0 is regular bit for bit", async () => {
      const sampled = { temperature: 1, seed: 3 };
      for (const how of [{}, sampled]) {
        const plain = await model.generate({ ...ask, ...how });
        for (const method of STILL) {
          expect(method.needs.edits).toEqual([]);
          expect(logprobs(await model.generate({ ...ask, ...how, method }))).toEqual(
            logprobs(plain),
          );
        }
      }
    });

    test("each changes logits, greedy and sampled, and stands in a batch as alone", async () => {
      for (const how of [{}, { temperature: 1, seed: 3 }]) {
        const plain = await model.generate({ ...ask, ...how });
        const requests = ACTIVE.map((method, i) => ({
          ...ask,
          ...how,
          prompt: `${ask.prompt}${" Now.".repeat(i % 2)}`,
          method,
        }));
        const alone: Answer[] = [];
        for (const request of requests) alone.push(await model.generate(request));
        expect((await model.generateBatch(requests)).map(ids)).toEqual(alone.map(ids));
        for (const [i, answer] of alone.entries()) {
          if (i % 2 === 0) expect(logprobs(answer)).not.toEqual(logprobs(plain));
        }
      }
    });

    test("a stream without images is regular bit for bit, whatever the strength", async () => {
      const blind = { prompt: "Describe the image.", maxTokens: 6 };
      const plain = logprobs(await model.generate(blind));
      for (const { needs } of ACTIVE.filter(({ needs }) => needs.edits!.length > 0)) {
        const streams = needs.edits!.map((edit) => ({ edit, strength: 2 }));
        const method: Method = {
          name: "edited",
          settings: {},
          needs: { edits: needs.edits! },
          start: ({ view }) => ({ streams: [{ view, edits: streams }] }),
        };
        expect(logprobs(await model.generate({ ...blind, method }))).toEqual(plain);
      }
    });

    test("the first token is the model's own where the answer's are meant alone", async () => {
      const first = async (method: Method) =>
        logprobs(await model.generate({ ...ask, prompt: "Hm?", maxTokens: 1, method }))[0];
      const own = await first(regular());
      const methods = [
        (given: "edited" | "plain") => pai({ alpha: 2, gamma: 1, first: given }),
        (given: "edited" | "plain") => heads({ alpha: 2, first: given }),
      ];
      for (const method of methods) {
        const [edited, plain] = [await first(method("edited")), await first(method("plain"))];
        expect(plain![1]).toBeCloseTo(own![1]!, 5);
        expect(Math.abs(edited![1]! - own![1]!)).toBeGreaterThan(1e-5);
      }
    });
  },
);

describe("on pocket", () => {
  let model: Model;
  const ask = { image: image(2), prompt: "Describe the image.", maxTokens: 8 };
  beforeAll(async () => {
    model = await load("pocket", { threads: 1 });
  });
  afterAll(() => model.dispose());

  test("any method decodes on changed attention, and hears its scores contrasted with the text", async () => {
    for (const method of [vcd({ beta: 0 }), averaging({ copies: 2 })]) {
      const plain = logprobs(await model.generate({ ...ask, method }));
      const still = logprobs(await model.generate({ ...ask, method: heads({ alpha: 0, method }) }));
      expect(still).toEqual(plain);
      for (const outer of [
        heads({ alpha: 1, method }),
        pai({ method }),
        vaf({ enhance: 2, method }),
      ])
        expect(logprobs(await model.generate({ ...ask, method: outer }))).not.toEqual(plain);
    }
  });

  test("an answer to the next turn does not depend on what the cache holds", async () => {
    const method = pai({ alpha: 2, gamma: 1 });
    const turns = [
      {
        role: "user",
        content: [
          { type: "image", image: image(3) },
          { type: "text", text: "Describe the image." },
        ],
      },
      { role: "assistant", content: "The image shows a dog." },
      { role: "user", content: "Is there a dog?" },
    ] as const;
    await model.generate({ turns: [turns[0]], method, maxTokens: 4 });
    const warm = await model.generate({ turns, method, maxTokens: 4 });
    await using fresh = await load("pocket", { threads: 1 });
    expect(logprobs(warm)).toEqual(logprobs(await fresh.generate({ turns, method, maxTokens: 4 })));
  });

  test("several images are all attended to; without one the method is refused", async () => {
    const turn = (count: number) => [
      {
        role: "user" as const,
        content: [
          ...[4, 5].slice(0, count).map((n) => ({ type: "image" as const, image: image(n) })),
          { type: "text" as const, text: "Describe the image." },
        ],
      },
    ];
    for (const method of [pai({ gamma: 1, alpha: 1 }), heads({ alpha: 1 }), vaf({ enhance: 2 })]) {
      const [plain, own] = [
        await model.generate({ turns: turn(2), maxTokens: 4 }),
        await model.generate({ turns: turn(2), maxTokens: 4, method }),
      ];
      expect(logprobs(own)).not.toEqual(logprobs(plain));
      await expect(model.generate({ turns: turn(0), method })).rejects.toThrow(/image/);
    }
  });

  test("two changes of scores are refused, in the same layers and in others", async () => {
    const method = heads({ layers: "1" });
    for (const layers of ["1", "2"]) {
      const both = pai({ layers, method });
      await expect(model.generate({ ...ask, method: both })).rejects.toThrow(
        "use one of pai, heads and vaf",
      );
    }
  });

  test("layers that the model does not have are refused", async () => {
    const method = pai({ layers: "3-9" });
    await expect(model.generate({ ...ask, method })).rejects.toThrow(InvalidArgumentError);
    await expect(model.generate({ ...ask, method })).rejects.toThrow(
      /layers: received '3-9'; expected 0 to 4/,
    );
  });
});

test("settings have names, defaults and bounds", () => {
  expect(methodText(methodFromText("pai:alpha=0.5:layers=3"))).toContain(
    "alpha=0.5:gamma=1.1:beta=0.1:layers=3",
  );
  expect(pai().settings).toMatchObject({ layers: "2-31/32", form: "scaled", first: "plain" });
  expect(pai({ gamma: 1 }).settings).toMatchObject({ first: "edited" });
  expect(heads().settings).toMatchObject({ alpha: 0.5, layers: "5-18/32", first: "edited" });
  expect(vaf().settings).toMatchObject({ enhance: 1.15, suppress: 0.95, layers: "9-14/32" });
  expect(() => pai({ gamma: 0.5 })).toThrow(InvalidArgumentError);
  expect(() => vaf({ enhance: 0 })).toThrow(InvalidArgumentError);
  expect(() => heads({ layers: "high" })).toThrow(/layers: received 'high'/);
});

test("scores of fused attention in float16 are refused, numbers added to them are not", async () => {
  await using model = await load(`${CHECKPOINTS}smolvlm-gqa`, { threads: 1, dtype: "fp16" });
  const ask = { image: image(1), prompt: "Describe the image.", maxTokens: 3 };
  const plain = logprobs(await model.generate(ask));
  for (const method of [pai(), heads(), vaf()]) {
    await expect(model.generate({ ...ask, method })).rejects.toThrow(UnsupportedCapabilityError);
    await expect(model.generate({ ...ask, method })).rejects.toThrow(/found float16/);
  }
  for (const method of [pai({ gamma: 1, form: "added" }), vaf({ enhance: 2, form: "added" })])
    expect(logprobs(await model.generate({ ...ask, method }))).not.toEqual(plain);
});

test("a device, whose fused attention gives no scores, takes what is added to them alone", () => {
  const model = makeSyntheticDecoder({ ...shape, attention: "group-query" });
  const nodes = (by: "magnitude" | "heads" | "score" | "one") =>
    attentionScoresEdit({ by, layers: layerRange("layers", "0"), queries: "answer" }).apply(model)
      .graph.nodes;
  for (const by of ["magnitude", "heads", "score"] as const)
    expect(givesFusedWeights(nodes(by))).toBeDefined();
  expect(givesFusedWeights(nodes("one"))).toBeUndefined();
});

test("all streams of a contrast have the same edits, and so share a lane", async () => {
  const run = { view: [{ role: "user", parts: [{ type: "image", image: 0, variant: {} }] }] };
  for (const method of [regular(), vcd(), icd(), vdd(), m3id()]) {
    for (const outer of [pai({ method }), heads({ method }), vaf({ method })]) {
      const { streams } = await outer.start(run as unknown as MethodRun);
      const [edits, ...others] = streams.map(({ edits }) => edits);
      expect(edits).toHaveLength(1);
      for (const other of others) expect(other).toEqual(edits);
    }
  }
});

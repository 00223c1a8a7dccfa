/** VDD's second null image: the tokenizer's unknown token in the image's place. */
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { OnnxPrompt } from "../../src/backends/onnx/prompt.js";
import type { Pixels } from "../../src/engine/conversation.js";
import { ORIGINAL_IMAGE, UNKNOWN_IMAGE } from "../../src/engine/image-variant.js";
import type { Method } from "../../src/engine/method.js";
import { mapImages, type View, withoutImages } from "../../src/engine/view.js";
import { pai, UnsupportedCapabilityError, vdd } from "../../src/index.js";
import { LocalModel } from "../../src/model/local-model.js";
import { CHECKPOINTS, openCheckpoint, openModel, picture } from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import { changeJson, copyOf } from "./doctor/damage.js";

const image: Pixels = picture({ width: 40, height: 30, x: 5, y: 3, c: 40, xy: 7 });
const ask = { image, prompt: "What is it?", maxTokens: 5 };

/** A checkpoint whose tokenizer names one of its tokens as the unknown one. */
async function openWith(name: string, token: string) {
  const folder = await copyOf(name, CHECKPOINTS);
  await changeJson(folder, "tokenizer_config.json", (config) => {
    config.unk_token = token;
  });
  const backend = await openCheckpoint(folder);
  const model = new LocalModel(backend);
  onTestFinished(() => model.dispose());
  return { backend, model };
}

describe.each([
  ["llava-concat", "<pad>"],
  ["qwen2-vl-concat", "<think>"],
  ["idefics3-concat", "<end_of_utterance>"],
])("%s", (name, token) => {
  test("lays it out once for each image, whatever stands around", async () => {
    const { backend } = await openWith(name, token);
    const view: View = [
      {
        role: "user",
        parts: [
          { type: "image", image: 0, variant: ORIGINAL_IMAGE },
          { type: "image", image: 1, variant: ORIGINAL_IMAGE },
          { type: "text", text: "Which?" },
        ],
      },
    ];
    const opened = await backend.openImage(image, undefined);
    const layOut = async (own: View) =>
      (await backend.layOut({ view: own }, [opened, opened], false)) as OnnxPrompt;
    const seen = await layOut(view);
    const unknown = await layOut(mapImages(view, () => UNKNOWN_IMAGE));
    const added = JSON.parse(
      readFileSync(`${CHECKPOINTS}${name}/tokenizer.json`, "utf8"),
    ).added_tokens;
    const { id } = added.find(({ content }: { content: string }) => content === token);
    const [one, other] = seen.images.map(({ span }) => span);
    expect(unknown.tokens).toEqual([
      ...seen.tokens.slice(0, one!.start),
      id,
      ...seen.tokens.slice(one!.end, other!.start),
      id,
      ...seen.tokens.slice(other!.end),
    ]);
    expect(unknown.images).toEqual([]);
    expect(unknown.imageTokens).toBe(0);
    const text = await layOut(withoutImages(view));
    const first = text.positions.planes[0]![0]!;
    for (const plane of unknown.positions.planes)
      expect([...plane]).toEqual(unknown.tokens.map((_, i) => first + i));
    expect(unknown.positions.next).toBe(first + unknown.tokens.length);
  });
});

test("scores are (1 + a) l(v) - a l(unk), or of the mean with no image, step by step", async () => {
  const { model } = await openWith("llava-concat", "<pad>");
  for (const nullImage of ["unk", "both"] as const) {
    const rows: number[][][] = [];
    const method = vdd({ nullImage, beta: 0.01 });
    const listening: Method = {
      ...method,
      async start(run) {
        const session = await method.start(run);
        return {
          ...session,
          scores(outputs, position) {
            rows.push(outputs.map(({ logits }) => [...logits]));
            return session.scores!(outputs, position);
          },
        };
      },
    };
    const found = ids(await model.generate({ ...ask, method: listening }));
    expect(rows[0]).toHaveLength(nullImage === "unk" ? 2 : 3);
    expect(rows[0]![1]).not.toEqual(rows[0]![0]);
    expect(rows[0]!.at(-1)).not.toEqual(rows[0]!.at(-2));
    const expected = rows.map(([clear, ...others]) => {
      const cutoff = Math.max(...clear!) + Math.log(0.01);
      const scores = clear!.map((l, i) => {
        const blind = others.reduce((sum, row) => sum + row[i]!, 0) / others.length;
        return l < cutoff ? Number.NEGATIVE_INFINITY : 2 * l - blind;
      });
      return scores.indexOf(Math.max(...scores));
    });
    expect(found).toEqual(expected.slice(0, found.length));
  }
});

test("goes in batches and around others, and changes what is said of tokens", async () => {
  const { model } = await openWith("llava-concat", "<pad>");
  const logprobs = async (method: Method, how = {}) =>
    (await model.generate({ ...ask, ...how, method })).tokens.map(({ logprob }) => logprob);
  const methods = [vdd({ nullImage: "unk" }), vdd({ nullImage: "both" }), vdd()];
  for (const how of [{}, { temperature: 1, seed: 2 }]) {
    const [unk, both, none] = await Promise.all(methods.map((method) => logprobs(method, how)));
    expect(unk).not.toEqual(none);
    expect(both).not.toEqual(none);
    expect(both).not.toEqual(unk);
  }
  const requests = [...methods, pai({ method: vdd({ nullImage: "unk" }) })].map((method) => ({
    ...ask,
    method,
  }));
  const alone: number[][] = [];
  for (const request of requests) alone.push(ids(await model.generate(request)));
  expect((await model.generateBatch(requests)).map(ids)).toEqual(alone);
  const zero = vdd({ nullImage: "both", alpha: 0, beta: 0 });
  expect(await logprobs(zero)).toEqual(
    (await model.generate(ask)).tokens.map(({ logprob }) => logprob),
  );
});

test("is refused by name where the tokenizer has none", async () => {
  await using model = await openModel("llava-concat");
  for (const nullImage of ["unk", "both"] as const) {
    const asked = model.generate({ ...ask, method: vdd({ nullImage }) });
    await expect(asked).rejects.toThrow(UnsupportedCapabilityError);
    await expect(asked).rejects.toThrow(/method vdd needs an unknown token .*nullImage none/);
  }
});

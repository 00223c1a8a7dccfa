/** What holds of the methods' own maths whatever the numbers. */
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { ORIGINAL_IMAGE } from "../../src/engine/image-variant.js";
import type { Method, MethodRun } from "../../src/engine/method.js";
import type { StepOutputs } from "../../src/engine/step.js";
import { argMax } from "../../src/math/arg-max.js";
import { logSumExp } from "../../src/math/log-sum-exp.js";
import { softmax } from "../../src/math/softmax.js";
import { candidates, correct } from "../../src/methods/deco.js";
import { mostDivergent } from "../../src/methods/dola.js";
import { flb } from "../../src/methods/flb.js";
import { layerRange } from "../../src/methods/layer-range.js";
import { m3id } from "../../src/methods/m3id.js";
import { captionScore, certainClauses } from "../../src/methods/selfval.js";
import { vista } from "../../src/methods/vista.js";
import { attentionScoresEdit } from "../../src/onnx/edits/attention-scores.js";
import type { EditedRow } from "../../src/onnx/edits/graph-edit.js";
import { nullSpaceEdit } from "../../src/onnx/edits/null-space.js";
import { requestSteeringEdit } from "../../src/onnx/edits/request-steering.js";
import { unitDirections } from "../../src/onnx/edits/steering.js";
import { identity, runMlp } from "../onnx/edits/small-mlp.js";

const TOKENS = 6;
/** Numbers spread evenly: fc.float and fc.double take most of theirs next to 0. */
const even = (min: number, max: number) =>
  fc.integer({ min: 0, max: 1000 }).map((n) => min + ((max - min) * n) / 1000);
const row = fc
  .array(even(-6, 6), { minLength: TOKENS, maxLength: TOKENS })
  .map((values) => Float32Array.from(values));
const rows = (most: number) => fc.array(row, { minLength: 1, maxLength: most });
const position = fc.nat(300);
const strength = even(0, 2);
const share = even(0, 1);

const view = [
  { role: "user", parts: [{ type: "image", image: 0, variant: ORIGINAL_IMAGE }] },
] as MethodRun["view"];

async function sessionOf(method: Method) {
  const session = await method.start({ view } as MethodRun);
  // An engine may write over what it has given.
  return (given: readonly Float32Array[], at: number): Float32Array => {
    const outputs = given.map((logits): StepOutputs => ({ logits: logits.slice() }));
    // Of -0 and 0 no probability differs.
    const scores = session.scores!(outputs, at).map((x) => x + 0);
    for (const { logits } of outputs) logits.fill(Number.NaN);
    return scores;
  };
}

function expectClose(found: Float32Array, expected: (i: number) => number): void {
  found.forEach((value, i) => {
    expect(Math.abs(value - expected(i))).toBeLessThan(1e-4 * (1 + Math.abs(expected(i))));
  });
}

describe("flb", () => {
  test("adds the first logits by a share that grows from 0 and stays below gamma", async () => {
    await fc.assert(
      fc.asyncProperty(
        row,
        row,
        position,
        strength,
        share,
        async (first, later, t, gamma, lambda) => {
          const scores = await sessionOf(flb({ gamma, lambda, beta: 0 }));
          expectClose(scores([first], 0), (i) => first[i]!);
          const [now, next] = [scores([later], t), scores([later], t + 1)];
          const added = (given: Float32Array, i: number) => given[i]! - later[i]!;
          first.forEach((own, i) => {
            const most = gamma * Math.abs(own) + 1e-4;
            expect(Math.abs(added(now, i))).toBeLessThanOrEqual(most);
            expect(Math.abs(added(next, i))).toBeGreaterThanOrEqual(Math.abs(added(now, i)) - 1e-4);
            // Towards the first logits, never away.
            expect(added(now, i) * own).toBeGreaterThanOrEqual(-1e-3);
          });
        },
      ),
    );
  });
});

describe("m3id", () => {
  const forms = fc.constantFrom("mitigv", "ritual", "avisc" as const);

  test("moves away from the text alone, the further the longer the answer", async () => {
    await fc.assert(
      fc.asyncProperty(row, row, position, forms, async (seen, blind, t, form) => {
        const scores = await sessionOf(m3id({ form, threshold: 1, beta: 0 }));
        const shift = (at: number) => scores([seen, blind], at).map((x, i) => x - seen[i]!);
        const [now, next] = [shift(t), shift(t + 50)];
        seen.forEach((own, i) => {
          const way = own - blind[i]!;
          if (Math.abs(way) < 0.1) return;
          const [weight, further] = [now[i]! / way, next[i]! / way];
          expect(weight).toBeGreaterThan(-1e-3);
          // (1 - gamma_t) / gamma_t is e^(50 lambda) times as large 50 tokens later, and e^(50 lambda) - 1 more.
          const expected = Math.exp(50 * 0.02) * weight + Math.expm1(50 * 0.02);
          expect(Math.abs(further / expected - 1)).toBeLessThan(0.02);
        });
      }),
    );
  });

  test("changes nothing where both streams agree, nor where the model is sure", async () => {
    await fc.assert(
      fc.asyncProperty(row, row, position, share, async (seen, blind, t, threshold) => {
        const agreeing = await sessionOf(m3id({ threshold: 1 }));
        // Of a large weight what is rounded counts.
        expectClose(agreeing([seen, seen], Math.min(t, 50)), (i) => seen[i]!);
        const gated = await sessionOf(m3id({ threshold }));
        if (Math.max(...softmax(seen)) < threshold + 1e-6) return;
        expect(gated([seen, blind], t)).toEqual(seen.map((x) => x + 0));
      }),
    );
  });
});

/** Early exits with their normalizers. */
function exitsOf(early: readonly Float32Array[]) {
  const logits = new Float32Array(early.length * TOKENS);
  early.forEach((values, i) => {
    logits.set(values, i * TOKENS);
  });
  return { logits, normalizers: Float32Array.from(early, (values) => logSumExp(values)) };
}

describe("deco", () => {
  test("candidates: the best first, as few as hold the probability, at most so many", () => {
    fc.assert(
      fc.property(row, share, fc.integer({ min: 0, max: 8 }), (scores, topP, topK) => {
        const probs = softmax(scores);
        const kept = candidates(scores, topP, topK);
        const mass = (ids: readonly number[]) => ids.reduce((sum, id) => sum + probs[id]!, 0);
        const most = topK === 0 ? TOKENS : Math.min(topK, TOKENS);
        expect(kept[0]).toBe(argMax(scores));
        expect(kept.length).toBeLessThanOrEqual(most);
        const others = [...scores.keys()].filter((id) => !kept.includes(id));
        for (const id of others) expect(scores[id]).toBeLessThanOrEqual(scores[kept.at(-1)!]!);
        if (kept.length < most) expect(mass(kept)).toBeGreaterThanOrEqual(topP - 1e-5);
        if (topP < 1) expect(mass(kept.slice(0, -1))).toBeLessThan(topP + 1e-5);
      }),
    );
  });

  test("one early layer is added, by its own probability of a candidate; the order of layers is nothing to it", () => {
    fc.assert(
      fc.property(row, rows(4), strength, (scores, early, alpha) => {
        const kept = candidates(scores, 0.9, 3);
        const corrected = (given: readonly Float32Array[]) =>
          correct(scores.slice(), kept, exitsOf(given), alpha);
        const found = corrected(early);
        const best = (layer: Float32Array) => Math.max(...kept.map((id) => softmax(layer)[id]!));
        const surest = Math.max(...early.map(best));
        const fits = early
          .filter((layer) => best(layer) > surest - 1e-6)
          .some((layer) =>
            kept.every((id) => {
              const expected = scores[id]! + alpha * surest * layer[id]!;
              return Math.abs(found[id]! - expected) < 1e-3;
            }),
          );
        expect(fits).toBe(true);
        for (const id of scores.keys()) {
          expect(found[id] === Number.NEGATIVE_INFINITY).toBe(!kept.includes(id));
        }
        const certain = new Set(early.map((layer) => best(layer).toFixed(5))).size === early.length;
        if (certain) expect(corrected([...early].reverse())).toEqual(found);
      }),
    );
  });
});

describe("dola", () => {
  test("takes the layer that differs most: never one that agrees, wherever it stands, whatever is added to all logits", () => {
    fc.assert(
      fc.property(row, rows(4), fc.integer({ min: -9, max: 9 }), (scores, others, constant) => {
        const early = [...others, scores];
        const chosen = (given: readonly Float32Array[]) => {
          const { logits, normalizers } = exitsOf(given);
          return given[mostDivergent(scores, logits, normalizers)]!;
        };
        const half = (p: Float32Array, q: Float32Array) =>
          p.reduce((sum, x, i) => {
            const mean = (x + q[i]!) / 2;
            return mean === 0
              ? sum
              : sum + mean * Math.log(mean / x) + mean * Math.log(mean / q[i]!);
          }, 0);
        const far = (layer: Float32Array) => half(softmax(scores), softmax(layer));
        const most = Math.max(...early.map(far));
        const found = chosen(early);
        expect(Math.abs(far(found) - most)).toBeLessThan(1e-3 * (1 + most));
        if (most > 1e-3) expect(found).not.toBe(scores);
        expect(far(chosen([...early].reverse()))).toBeCloseTo(far(found), 3);
        const moved = early.map((layer) => layer.map((x) => x + constant));
        expect(far(chosen(moved))).toBeCloseTo(far(found), 2);
      }),
    );
  });
});

/** Logits of an early layer that a session is to read. */
async function mixing(gamma: number) {
  const session = await vista({ lambda: 0, gamma }).start({ view } as MethodRun);
  const edits = session.streams[0].edits ?? [];
  return (logits: Float32Array, early: Float32Array): Float32Array => {
    const names = edits.flatMap(({ edit }) => edit.outputs ?? []);
    const readings = Object.fromEntries(names.map((name) => [name, early]));
    return session.scores!([{ logits: logits.slice(), readings }], 0);
  };
}

const vectors = (count: number, width: number) =>
  fc
    .array(even(-3, 3), {
      minLength: count * width,
      maxLength: count * width,
    })
    .map((values) => Float32Array.from(values));
const norm = (values: Float32Array) => Math.hypot(...values);
const WIDTH = 5;
const tensorOf = (x: Float32Array) => new ort.Tensor("float32", x, [1, x.length / WIDTH, WIDTH]);

describe("vista", () => {
  test("what is mixed lies between both, nearer to the early layers with a larger share", async () => {
    await fc.assert(
      fc.asyncProperty(row, row, share, share, async (logits, early, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        fc.pre(less > 0);
        const [a, b] = [(await mixing(less))(logits, early), (await mixing(more))(logits, early)];
        logits.forEach((own, i) => {
          const [low, high] = [Math.min(own, early[i]!), Math.max(own, early[i]!)];
          for (const value of [a[i]!, b[i]!]) {
            expect(value).toBeGreaterThanOrEqual(low - 1e-4);
            expect(value).toBeLessThanOrEqual(high + 1e-4);
          }
          const far = (value: number) => Math.abs(value - early[i]!);
          expect(far(b[i]!)).toBeLessThanOrEqual(far(a[i]!) + 1e-4);
        });
        expect((await mixing(1))(logits, early)).toEqual(early.map((x) => x + 0));
      }),
    );
  });

  test("steering turns and never stretches, towards what the image adds", async () => {
    const edit = requestSteeringEdit();
    await fc.assert(
      fc.asyncProperty(vectors(2, WIDTH), vectors(1, WIDTH), strength, async (x, v, lambda) => {
        fc.pre(norm(v) > 0.1 && norm(x.subarray(0, WIDTH)) > 0.1 && norm(x.subarray(WIDTH)) > 0.1);
        const unit = unitDirections(v, WIDTH);
        const made = await runMlp(edit, tensorOf(x), identity(WIDTH), lambda, unit);
        for (const from of [0, WIDTH]) {
          const [before, after] = [x, made].map((all) => all.slice(from, from + WIDTH));
          expect(Math.abs(norm(after!) / norm(before!) - 1)).toBeLessThan(1e-4);
          const along = (values: Float32Array) =>
            values.reduce((sum, value, i) => sum + value * unit[i]!, 0) / norm(values);
          expect(along(after!)).toBeGreaterThanOrEqual(along(before!) - 1e-4);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe("nullu", () => {
  /** Orthonormal rows (k, W), by Gram and Schmidt. */
  function orthonormal(given: Float32Array): Float32Array {
    const made: number[][] = [];
    for (let from = 0; from < given.length; from += WIDTH) {
      let one = [...given.subarray(from, from + WIDTH)];
      for (let twice = 0; twice < 2; twice++) {
        for (const other of made) {
          const along = one.reduce((sum, value, i) => sum + value * other[i]!, 0);
          one = one.map((value, i) => value - along * other[i]!);
        }
      }
      const length = Math.hypot(...one);
      fc.pre(length > 0.1);
      made.push(one.map((value) => value / length));
    }
    return Float32Array.from(made.flat());
  }

  test("nothing is left along what is projected out, a second time changes nothing, and no vector grows", async () => {
    const only = layerRange("layers", "0");
    await fc.assert(
      fc.asyncProperty(vectors(2, WIDTH), vectors(2, WIDTH), share, async (given, x, part) => {
        const data = orthonormal(given);
        const edit = nullSpaceEdit({ layers: 1, rank: 2, width: WIDTH, data }, only);
        const projected = (values: Float32Array, by: number) =>
          runMlp(edit, tensorOf(values), identity(WIDTH), by);
        const once = await projected(x, 1);
        for (const from of [0, WIDTH]) {
          const left = once.subarray(from, from + WIDTH);
          for (const k of [0, 1]) {
            const v = data.subarray(k * WIDTH, (k + 1) * WIDTH);
            const along = left.reduce((sum, value, i) => sum + value * v[i]!, 0);
            expect(Math.abs(along)).toBeLessThan(1e-5);
          }
          expect(norm(left)).toBeLessThanOrEqual(norm(x.subarray(from, from + WIDTH)) + 1e-5);
        }
        expectClose(await projected(once, 1), (i) => once[i]!);
        // A share of the projection goes that part of the way.
        expectClose(await projected(x, part), (i) => x[i]! + part * (once[i]! - x[i]!));
        expect(await projected(x, 0)).toEqual(x.map((value) => value + 0));
      }),
      { numRuns: 15 },
    );
  });
});

describe("attention to the image", () => {
  const layout = fc.record({
    before: fc.nat(3),
    images: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2)), {
      minLength: 1,
      maxLength: 2,
    }),
    question: fc.integer({ min: 1, max: 4 }),
    answer: fc.integer({ min: 0, max: 3 }),
    cut: share,
    by: fc.constantFrom("answer", "later", "behind images" as const),
  });

  test("no query has another weight where the same tokens are fed in two runs", () => {
    fc.assert(
      fc.property(layout, ({ before, images, question, answer, cut, by }) => {
        let end = before;
        const spans = images.map(([length, gap]) => {
          const start = end;
          end = start + length + gap;
          return { start, end: start + length };
        });
        const promptLength = end + question;
        const length = promptLength + answer;
        const edit = attentionScoresEdit({
          by: "score",
          layers: layerRange("layers", "0"),
          queries: by,
          weights: { images: 0.15, before: -0.05 },
        });
        const weights = (pastLength: number, newLength: number): Float32Array => {
          const place = { newColumn: pastLength, promptLength, images: spans, strength: 1 };
          const one: EditedRow = { pastLength, newLength, values: undefined, ...place };
          const columns = pastLength + newLength;
          const run = { rows: [one], steps: newLength, columns, inputShape: () => undefined };
          return Object.values(edit.feeds(run))[0]!.data as Float32Array;
        };
        const whole = weights(0, length);
        const first = Math.max(1, Math.floor(cut * (length - 1)));
        const rest = weights(first, length - first);
        expect([...rest]).toEqual([...whole.subarray(first * length)]);
        for (let token = 0; token < length; token++) {
          const own = whole.subarray(token * length, (token + 1) * length);
          const isImage = spans.some(({ start, end }) => token >= start && token < end);
          const from = { answer: promptLength - 1, later: promptLength, "behind images": 0 }[by];
          own.forEach((weight, key) => {
            const seen = spans.filter(({ end }) => end <= token);
            const isChanged = token >= from && !isImage && seen.length > 0;
            const onImage = seen.some(({ start, end }) => key >= start && key < end);
            const expected = onImage ? 0.15 : key < spans[0]!.start ? -0.05 : 0;
            expect(weight).toBeCloseTo(isChanged ? expected : 0, 6);
          });
        }
      }),
    );
  });
});

describe("selfval", () => {
  const WORDS = ["dog", "cup", "fork", "bed"] as const;
  const pieces = fc.array(
    fc.tuple(
      fc.constantFrom(...WORDS, "thing", "small"),
      fc.constantFrom(", ", ". ", " and ", "; "),
    ),
    { minLength: 1, maxLength: 10 },
  );
  const likely = fc.tuple(share, share, share, share);
  const textOf = (given: readonly (readonly [string, string])[]) => {
    const text = given.flat().join("").trim();
    const mentions = [...text.matchAll(/dog|cup|fork|bed/g)].map(({ 0: word, index }) => ({
      word,
      object: word,
      start: index,
      end: index + word.length,
      token: 0,
    }));
    return { text, mentions };
  };

  test("scores lie between the chances of the objects, and clauses stand in the text, none with an unlikely object", () => {
    fc.assert(
      fc.property(pieces, likely, share, (given, numbers, threshold) => {
        const chances = new Map(WORDS.map((word, i) => [word as string, numbers[i]!]));
        const { text, mentions } = textOf(given);
        const own = mentions.map(({ word }) => chances.get(word)!);
        const score = captionScore({ mentions }, chances);
        expect(score).toBeGreaterThanOrEqual(Math.min(1, ...own) - 1e-12);
        expect(score).toBeLessThanOrEqual(own.length === 0 ? 1 : Math.max(...own) + 1e-12);
        const clauses = certainClauses({ text, mentions }, chances, threshold);
        let at = 0;
        for (const clause of clauses) {
          at = text.indexOf(clause, at) + clause.length;
          expect(at).toBeGreaterThanOrEqual(clause.length);
          expect(clause).toMatch(/^\S(.*\S)?$/);
          const named = clause.match(/dog|cup|fork|bed/g) ?? [];
          for (const word of named) expect(chances.get(word)).toBeGreaterThan(threshold);
        }
        // What is likely enough is all kept.
        const all = certainClauses({ text, mentions }, chances, -1).join("");
        expect(all.replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
      }),
    );
  });
});

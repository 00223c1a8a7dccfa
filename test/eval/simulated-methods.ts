import { benchmarkNamed } from "../../src/eval/benchmarks/registry.js";
import type { Benchmark, Question } from "../../src/eval/contract/benchmark.js";
import type { Finding } from "../../src/eval/report/run-analysis.js";
import type { AnsweredSeries } from "../../src/eval/report/scored-method.js";
import type { Observations } from "../../src/eval/store/stored-rows.js";
import { groupBy } from "../../src/math/group-by.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { analysed } from "./analysed.js";

/** What a run found, by `<decoding> <method>`. */
export type Found = ReadonlyMap<string, readonly Finding[]>;

/** What a method answers to a question: greedily (null), or by draws that all methods share. */
type Answers = (
  question: number,
  draw: (() => number) | null,
) => Observations & { readonly text: string };

/** The temperature of a method that does nothing else. */
const COOL = 0.3;
/** `apc`, where two tokens are left to choose from: the other one is cut when it lies further behind, in nats. */
const APC_CUT = Math.log(10);

/** What the report finds of simulated methods, greedily and under one seed. */
function findingsOf(
  seed: number,
  set: { readonly benchmark: Benchmark; readonly rule: string },
  questions: readonly Question[],
  methods: Readonly<Record<string, Answers>>,
): Found {
  const series = [null, 0].flatMap((sampled) =>
    Object.entries(methods).map(([method, answer]): AnsweredSeries => {
      const given = questions.map((question, i) => {
        const random = new SeededRandom(seed, `draws ${i}`);
        const { text, ...seen } = answer(i, sampled === null ? null : () => random.uniform());
        return { question, text, seen };
      });
      return {
        method,
        seed: sampled,
        answered: given.map(({ question, text }) => ({ question, answer: text, verdict: null })),
        stored: given.map(({ question, text, seen }) => ({
          set: "simulated",
          id: question.id,
          method,
          seed: sampled,
          text,
          ...seen,
        })),
        timings: [],
      };
    }),
  );
  const { findings } = analysed({ name: "simulated", ...set }, series);
  return groupBy(findings, ({ decoding, method }) => `${decoding} ${method}`);
}

/** A draw with mean 0 and variance 1, one for each name. */
function normal(seed: number, name: string): number {
  const random = new SeededRandom(seed, name);
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** Which of two things is said whose logits lie so far apart: true for the first. */
function choose(margin: number, draw: (() => number) | null): boolean {
  return draw === null ? margin > 0 : draw() < 1 / (1 + Math.exp(-margin));
}

/** How far one of two tokens is ahead behind the plausibility constraint. */
function plausible(margin: number): number {
  return Math.abs(margin) > APC_CUT ? margin * 100 : margin;
}

/**
 * Yes/no questions, two about each image, to a model that says no too often: its margin is 1.4 towards the truth, less
 * 1.6, with noise of 1.3. `shift` adds 1.6 to yes, `cooler` samples at 0.3 of the temperature; `better` has a margin of
 * 5 towards the truth instead.
 */
export function yesNoRun(seed: number, images = 120): Found {
  const pope = benchmarkNamed("pope");
  const isTrue = (question: number) => question % 2 === 0;
  const rows = Array.from({ length: 2 * images }, (_, i) => ({
    question_id: i,
    image: `${i >> 1}.png`,
    text: "Is there a dog?",
    label: isTrue(i) ? "yes" : "no",
  }));
  const questions = pope.load({
    data: { name: "simulated", text: JSON.stringify(rows) },
    truth: null,
  });
  const noise = (name: string, question: number) => 1.3 * normal(seed, `${name} ${question}`);
  const ahead = (question: number) =>
    (isTrue(question) ? 1.4 : -1.4) - 1.6 + noise("regular", question);
  const saying =
    (marginOf: (question: number, isGreedy: boolean) => number): Answers =>
    (question, draw) => {
      const [raw, own] = [ahead(question), marginOf(question, draw === null)];
      const isChanged = draw === null ? own > 0 !== raw > 0 : own !== raw;
      return {
        text: choose(own, draw) ? "Yes" : "No",
        margin: raw,
        mass: 1,
        changed: isChanged ? 1 : 0,
      };
    };
  return findingsOf(seed, { benchmark: pope, rule: "pope" }, questions, {
    regular: saying(ahead),
    apc: saying((question) => plausible(ahead(question))),
    shift: saying((question) => ahead(question) + 1.6),
    cooler: saying((question) => ahead(question) / COOL),
    better: saying((question) => (isTrue(question) ? 5 : -5) + noise("better", question)),
  });
}

const THERE = ["dog", "cat", "bus", "train", "horse", "chair"];
const NOT_THERE = ["bear", "apple", "kite", "zebra", "oven", "fork"];
/** How often the model prefers what is not there, object by object. */
const INVENTS = [0.02, 0.04, 0.08, 0.12, 0.16, 0.2];

/**
 * Captions of four to six objects, the later the likelier invented; sampling takes the other one in one of twenty.
 * `short` stops behind three, `cooler` samples at 0.3 of the temperature; `better` names a tenth of those that are not
 * there.
 */
export function captionRun(seed: number, images = 120): Found {
  // Without what the report tells of recall against hallucination, which no finding needs.
  const { tradeOff, ...chair } = benchmarkNamed("chair");
  const truth = Array.from({ length: images }, (_, i) => [`${i}.png`, THERE] as const);
  const questions = chair.load({
    data: null,
    truth: { name: "simulated", text: JSON.stringify(Object.fromEntries(truth)) },
  });
  const chance = (name: string) => new SeededRandom(seed, name).uniform();
  const invents = (question: number, slot: number) =>
    chance(`${question} ${slot}`) < INVENTS[slot]!;
  const lengthOf = (question: number) => 4 + Math.floor(3 * chance(`length ${question}`));
  const ahead = (question: number, slot: number) => (invents(question, slot) ? -3 : 3);
  const naming =
    (marginOf: (question: number, slot: number) => number, longest = THERE.length): Answers =>
    (question, draw) => {
      const slots = Array.from({ length: lengthOf(question) }, (_, slot) => slot);
      const words = slots.map((slot) =>
        choose(marginOf(question, slot), draw) ? THERE[slot]! : NOT_THERE[slot]!,
      );
      const isChanged = slots.some((slot) => {
        const [raw, own] = [ahead(question, slot), marginOf(question, slot)];
        return draw === null ? own > 0 !== raw > 0 : own !== raw;
      });
      return {
        text: words.slice(0, longest).join(" "),
        changed: isChanged || longest < words.length ? 1 : 0,
      };
    };
  const isSaved = (question: number, slot: number) => chance(`saved ${question} ${slot}`) < 0.9;
  return findingsOf(seed, { benchmark: chair, rule: "chair" }, questions, {
    regular: naming(ahead),
    apc: naming((question, slot) => plausible(ahead(question, slot))),
    short: naming(ahead, 3),
    cooler: naming((question, slot) => ahead(question, slot) / COOL),
    better: naming((question, slot) =>
      invents(question, slot) && !isSaved(question, slot) ? -12 : 12,
    ),
  });
}

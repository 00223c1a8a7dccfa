// A benchmark of one's own: groundsight eval ./own-benchmark.mjs --data questions.jsonl --images images --out runs/sides
import { type Benchmark, defineBenchmark } from "groundsight/eval";

/** Left or right? The first of these words in an answer counts; a judge may be asked instead. */
const sides: Benchmark = defineBenchmark({
  name: "sides",
  title: "Left or right",
  source: "our own",
  row: { question_id: "identifier", image: "text", text: "text", side: ["left", "right"] },
  id: (row) => row.question_id,
  image: (row) => row.image,
  prompt: {
    plain: (row) => row.text,
    short: (row) => `${row.text} Answer with one word.`,
  },
  truth: (row) => row.side,
  rules: {
    "first-side": {
      read: (answer) => {
        const extracted = /\b(left|right)\b/i.exec(answer)?.[0].toLowerCase() ?? null;
        return { extracted, counts: { saidLeft: extracted === "left" ? 1 : 0 } };
      },
    },
    judge: {
      ask: (answer, row) =>
        `The question was: ${row.text}\n\n${answer}\n\nWhich side does the answer name? Reply left, right or neither.`,
      read: (verdict) => /\b(left|right|neither)\b/i.exec(verdict)?.[0] ?? null,
    },
  },
  metrics: {
    accuracy: { part: "correct", whole: "asked" },
    left_ratio: { title: "Says left", better: "neither", part: "saidLeft", whole: "parsed" },
  },
  maxNewTokens: 16,
});

export default sides;

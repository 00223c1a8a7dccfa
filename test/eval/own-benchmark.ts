import {
  type Benchmark,
  identifier,
  ratioMetric,
  readQuestions,
  type Score,
} from "groundsight/eval";
import { z } from "zod";

const row = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  side: z.enum(["left", "right"]),
});
type Row = z.infer<typeof row>;

/** Left or right? The first of these words in an answer counts; an answer with neither is unparsed. */
export const sides: Benchmark = {
  name: "sides",
  title: "Left or right",
  source: "our own",
  rules: ["first-side"],
  metrics: [
    ratioMetric({
      name: "accuracy",
      title: "Accuracy",
      unit: "share",
      better: "higher",
      part: "correct",
      whole: "asked",
      undefinedReason: "no question",
    }),
    ratioMetric({
      name: "left_ratio",
      title: "Says left",
      unit: "share",
      better: "neither",
      part: "saidLeft",
      whole: "parsed",
      undefinedReason: "no answer says left or right",
    }),
  ],
  primaryMetric: "accuracy",
  maxNewTokens: 16,
  load: (files) => {
    const identify = (value: Row) => value.question_id;
    const rows = readQuestions(files, { benchmark: "sides", schema: row, identify });
    return rows.map(({ value, where }) => ({
      id: value.question_id,
      image: value.image,
      prompt: value.text,
      cluster: value.image,
      group: null,
      truth: value.side,
      where,
      score: (answer) => scoreSide(answer, value.side),
    }));
  },
};

function scoreSide(answer: string, side: Row["side"]): Score {
  const said = /\b(left|right)\b/i.exec(answer)?.[0].toLowerCase() ?? null;
  const right = said === side;
  return {
    outcome: said === null ? "unparsed" : right ? "right" : "wrong",
    extracted: said,
    explanation: said === null ? "neither left nor right" : `says ${said}`,
    counts: {
      asked: 1,
      correct: right ? 1 : 0,
      ...(said === null ? { unparsed: 1 } : { parsed: 1, saidLeft: said === "left" ? 1 : 0 }),
    },
  };
}

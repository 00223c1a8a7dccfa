import { z } from "zod";
import { benchmarkNamed } from "../../eval/index.js";
import type { AnalysisData } from "../contract/analysis.js";
import type { ImageQuestion, QuestionSet } from "./ask-set.js";

const COLOUR_ROW = z.looseObject({
  image: z.string().min(1),
  object: z.string().min(1),
  usual: z.string().min(1),
});

/** Ways to ask for a usual colour. */
const FORMS: readonly ((thing: string) => string)[] = [
  (thing) => `What colour is ${thing} usually?`,
  (thing) => `What is the usual colour of ${thing}?`,
];

/**
 * Questions about the usual colours of things, which need no image. Their clusters are the things.
 *
 * @param file such as `colours.jsonl` of the pocket bench
 * @throws DatasetError for rows that do not fit
 */
export async function usualColours(data: AnalysisData, file: string): Promise<QuestionSet> {
  const usual = new Map(
    (await data.rows(file, COLOUR_ROW)).map(({ value }) => [value.object, value.usual]),
  );
  const rows = [...usual].flatMap(([object, answer]) =>
    FORMS.map((form) => {
      const thing = `${/^[aeiou]/i.test(object) ? "an" : "a"} ${object}`;
      return { image: object, object, text: form(thing), answer, usual: answer, is_usual: true };
    }),
  );
  const { load, rules, maxNewTokens } = benchmarkNamed("colours");
  const text = rows.map((row, i) => JSON.stringify({ question_id: i + 1, ...row })).join("\n");
  const questions = load({ data: { name: file, text }, truth: null });
  return {
    name: "usual colours",
    rule: rules[0],
    maxTokens: maxNewTokens,
    questions: questions.map((question, i): ImageQuestion => {
      const { image } = rows[i]!;
      return { ...question, image };
    }),
  };
}

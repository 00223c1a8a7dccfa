import { parse } from "node:path";
import { z } from "zod";
import { type Benchmark, benchmarkNamed } from "../../eval/index.js";
import type { AnalysisData } from "../contract/analysis.js";
import type { ImageQuestion, QuestionSet } from "./ask-set.js";

const ROW = z.looseObject({
  question_id: z.union([z.string(), z.number()]),
  image: z.string().min(1),
  text: z.string().min(1),
  answer: z.string().min(1),
  description: z.string().min(1),
  rubric: z.array(z.string()).optional(),
});

type Row = z.infer<typeof ROW>;

/** By what answers are scored, the first that fits. */
const KINDS: readonly {
  /** For people. */
  readonly name: string;
  readonly benchmark: string;
  readonly rule?: string;
  readonly fits: (row: Row) => boolean;
}[] = [
  { name: "reasoning", benchmark: "rubric", fits: ({ rubric }) => rubric !== undefined },
  {
    name: "yes or no",
    benchmark: "pope",
    rule: "first-word",
    fits: ({ answer }) => /^(yes|no)$/.test(answer),
  },
  { name: "colours", benchmark: "colours", fits: () => true },
];

/**
 * Questions with a true description of the image, from which alone they can be answered: yes/no questions, colours, and
 * questions with a rubric, a set of each that the file has.
 *
 * @param file such as `reading.jsonl` and `direct.jsonl` of the pocket bench
 * @throws DatasetError for rows that do not fit
 */
export async function describedQuestions(data: AnalysisData, file: string): Promise<QuestionSet[]> {
  const rows = (await data.rows(file, ROW)).map(({ value }) => value);
  const kindOf = (row: Row) => KINDS.findIndex(({ fits }) => fits(row));
  return KINDS.flatMap(({ name, benchmark: scoredBy, rule }, kind) => {
    const some = rows.filter((row) => kindOf(row) === kind);
    if (some.length === 0) return [];
    const benchmark = benchmarkNamed(scoredBy);
    return [
      {
        name: `${parse(file).name}, ${name}`,
        rule: rule ?? benchmark.rules[0],
        maxTokens: benchmark.maxNewTokens,
        questions: questionsOf(benchmark, some, file),
      },
    ];
  });
}

function questionsOf({ load }: Benchmark, rows: readonly Row[], file: string): ImageQuestion[] {
  const text = rows.map((row) => JSON.stringify({ ...row, label: row.answer })).join("\n");
  return load({ data: { name: file, text }, truth: null }).map((question, i) => {
    const { image, description } = rows[i]!;
    return { ...question, image, description };
  });
}

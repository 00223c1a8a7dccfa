import type { Answer, GenerateRequest } from "../../index.js";
import type { AnalysisContext } from "../contract/analysis.js";

/** Requests of which answers are waited for before the next are begun, so that a signal is heard in time. */
const AT_ONCE = 16;

/** Answers of many requests, in their order. */
export async function answerAll(
  { model, signal }: Pick<AnalysisContext, "model" | "signal">,
  requests: readonly GenerateRequest[],
  onAnswer: () => void = () => {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < requests.length; from += AT_ONCE) {
    const asked = requests.slice(from, from + AT_ONCE);
    const some = await model.generateBatch(
      asked.map((request) => ({ ...request, signal })),
      { onAnswer },
    );
    answers.push(...some);
  }
  return answers;
}

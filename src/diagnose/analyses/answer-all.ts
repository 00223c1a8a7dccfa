import type { Answer, GenerateRequest } from "../../index.js";
import type { AnalysisContext } from "../contract/analysis.js";

/** Requests of which answers are waited for before the next are begun, so that a signal is heard in time. */
const AT_ONCE = 16;

/** Answers of many requests, in their order; those of a run that was stopped are not asked for again. */
export async function answerAll(
  { model, signal, keep }: Pick<AnalysisContext, "model" | "signal" | "keep">,
  requests: readonly GenerateRequest[],
  onAnswer: () => void = () => {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < requests.length; from += AT_ONCE) {
    const asked = requests.slice(from, from + AT_ONCE);
    const told = new Set<number>();
    const some = await keep<Answer>(asked, async (missing, store) => {
      const tell = (answer: Answer, i: number) => {
        if (told.has(i)) return;
        told.add(i);
        store(missing[i]!, answer);
        onAnswer();
      };
      const made = await model.generateBatch(
        missing.map((i) => ({ ...asked[i]!, signal })),
        { onAnswer: tell },
      );
      // A model may be anyone's code.
      made.forEach(tell);
    });
    for (let kept = told.size; kept < asked.length; kept++) onAnswer();
    answers.push(...some);
  }
  return answers;
}

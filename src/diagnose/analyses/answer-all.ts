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
    let told = 0;
    const some = await keep<Answer>(asked, async (missing, store) => {
      await model.generateBatch(
        missing.map((i) => ({ ...asked[i]!, signal })),
        {
          onAnswer: (answer, i) => {
            store(missing[i]!, answer);
            told++;
            onAnswer();
          },
        },
      );
    });
    while (told++ < asked.length) onAnswer();
    answers.push(...some);
  }
  return answers;
}

import type { Model } from "../../src/engine/model.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { ANSWER_MARK, END_TOKEN, fakeText, VOCABULARY } from "../../src/testing/fake-tokens.js";

/** A model that gives some whole answers, each the likelier the earlier it stands. */
export interface TellingModel {
  readonly model: Model;
  /** The questions that were asked, each once. */
  readonly asked: Set<string>;
}

/** @param answers to a question, the likeliest first: each is 2 nats less likely where they part than the one before */
export function tellingModel(answers: (question: string) => readonly string[]): TellingModel {
  const asked = new Set<string>();
  const model = fakeModel({
    logits: (context) => {
      const text = fakeText(context.map(({ id }) => id));
      const mark = text.lastIndexOf(ANSWER_MARK);
      const question = text.slice(0, mark);
      asked.add(question);
      const said = text.slice(mark + ANSWER_MARK.length);
      const logits = new Float32Array(VOCABULARY).fill(-60);
      // Where nobody knows how to go on, the answer is over.
      logits[END_TOKEN] = -40;
      answers(question).forEach((answer, rank) => {
        if (!answer.startsWith(said)) return;
        const next = answer === said ? END_TOKEN : answer.charCodeAt(said.length);
        logits[next] = Math.max(logits[next]!, -2 * rank);
      });
      return logits;
    },
  });
  return { model, asked };
}

/** Captions, and which of their objects are there: the others are answered no to when they are asked about. */
export function captioning(captions: readonly string[], present: readonly string[]): TellingModel {
  return tellingModel((question) => {
    const object = /Is there an? (.+) in the image/.exec(question)?.[1];
    if (object === undefined) return captions;
    return present.includes(object) ? ["Yes", "No"] : ["No", "Yes"];
  });
}

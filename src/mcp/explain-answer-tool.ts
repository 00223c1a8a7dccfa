import { z } from "zod";
import { assessTrust, explainAnswer, type TokenEvidence } from "../diagnose/index.js";
import { callTool } from "./call-tool.js";
import { doubtsText, PHRASE, rounded, toldPhrases } from "./told-phrases.js";
import { imageField, MAX_TOKENS, textField } from "./tool-fields.js";
import type { RegisterTool } from "./tool-setup.js";

/** Most tokens that one result tells. */
const MOST_TOKENS = 256;

const TOKEN = z.object({
  text: z.string(),
  start: z.number().describe("where it begins in the answer, in UTF-16 units"),
  end: z.number().describe("where it ends, exclusive"),
  probability: z.number(),
  rank: z.number().describe("how many tokens are likelier"),
  entropy: z.number().describe("of the whole distribution, in nats"),
  noisyImage: z.number().nullable().describe("nats by which a noisy image makes it less likely"),
  noImage: z.number().nullable().describe("nats by which it is less likely without the image"),
});

/** `explain_answer`: what speaks for each token of an answer. */
export const registerExplainAnswer: RegisterTool = (server, setup) => {
  const { images } = setup;
  const config = {
    title: "Explain an answer",
    description:
      "Tells of each token of an answer how likely it was and whether the image or the language alone speaks for it.",
    inputSchema: z.strictObject({
      image: imageField(images),
      question: textField("What was asked about the image."),
      answer: textField("The answer to explain. Default: what the model answers.").optional(),
      maxTokens: MAX_TOKENS,
    }),
    outputSchema: z.object({
      answer: z.string(),
      generated: z.boolean().describe("whether the model gave the answer here"),
      tokens: z.array(TOKEN).describe(`the first ${MOST_TOKENS}`),
      omittedTokens: z.number().describe("how many more the answer has"),
      phrases: z.array(PHRASE).describe("the objects that it names"),
      warnings: z.array(z.string()).describe("what could not be told, and why"),
    }),
    annotations: { readOnlyHint: true, openWorldHint: images.limits.allowUrls === true },
  };
  server.registerTool("explain_answer", config, ({ image, question, answer, maxTokens }, context) =>
    callTool(setup, context, async ({ model, signal, onProgress }) => {
      const pixels = await images.read(image);
      onProgress("reading the answer");
      const told = await explainAnswer(
        model,
        {
          image: pixels,
          prompt: question,
          signal,
          ...(answer === undefined ? {} : { answer }),
          ...(maxTokens === undefined ? {} : { maxTokens }),
        },
        { base: null, top: 0, assess: assessTrust() },
      );
      const tokens = told.tokens.slice(0, MOST_TOKENS).map(tokenOf);
      const omittedTokens = told.tokens.length - tokens.length;
      const phrases = toldPhrases(told.phrases);
      const rest = omittedTokens === 0 ? "" : `\n(${omittedTokens} more tokens)`;
      return {
        text: `${told.answer}\n\n${doubtsText(phrases, told.warnings)}\n\n${HEADER}\n${tokens.map(lineOf).join("\n")}${rest}`,
        content: {
          answer: told.answer,
          generated: told.generated,
          tokens,
          omittedTokens,
          phrases,
          warnings: told.warnings,
        },
      };
    }),
  );
};

const HEADER =
  "Token: probability, and nats by which it is less likely without the image (below 0: likelier)";

function tokenOf({
  text,
  start,
  end,
  probability,
  rank,
  entropy,
  distorted,
  imageless,
}: TokenEvidence): z.infer<typeof TOKEN> {
  return {
    text,
    start,
    end,
    probability: rounded(probability),
    rank,
    entropy: rounded(entropy),
    noisyImage: distorted && rounded(distorted.difference),
    noImage: imageless && rounded(imageless.difference),
  };
}

function lineOf({ text, probability, noImage }: z.infer<typeof TOKEN>): string {
  const nats = noImage === null ? "" : `, ${noImage.toFixed(1).replace("-0.0", "0.0")}`;
  return `${JSON.stringify(text)}: ${probability.toFixed(2)}${nats}`;
}

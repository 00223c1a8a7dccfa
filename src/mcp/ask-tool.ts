import { z } from "zod";
import { answerChat } from "../chat/answer-chat.js";
import { callTool } from "./call-tool.js";
import { doubtsText, PHRASE, toldPhrases } from "./told-phrases.js";
import { imageField, MAX_TOKENS, textField } from "./tool-fields.js";
import type { RegisterTool } from "./tool-setup.js";

/** `ask`: a question about an image. */
export const registerAsk: RegisterTool = (server, setup) => {
  const { images, method: byDefault = "regular", steering = new Map() } = setup;
  const inputSchema = z.strictObject({
    image: imageField(images),
    question: textField("The question, or what to do: 'Describe the image.'"),
    method: textField(
      `How tokens are chosen: regular, vcd, vcd:alpha=2 and others. Default ${byDefault}.`,
    ).optional(),
    settings: z
      .record(z.string(), z.json())
      .optional()
      .describe("Settings of the method, beside those behind its name."),
    steer: textField(
      `Directions to steer along, of: ${[...steering.keys()].join(", ") || "none here"}.`,
    ).optional(),
    verify: z
      .boolean()
      .optional()
      .describe("Also tells which phrases of the answer to doubt. Default false."),
    maxTokens: MAX_TOKENS,
  });
  const outputSchema = z.object({
    text: z.string(),
    method: z.string(),
    finishReason: z.enum(["eos", "stop", "length"]),
    phrases: z.array(PHRASE).optional().describe("with verify: what was checked"),
    warnings: z.array(z.string()).describe("what could not be told, and why"),
  });
  const config = {
    title: "Ask about an image",
    description:
      "Answers a question about an image with a vision-language model that runs here, decoded so that it says less that is not there.",
    inputSchema,
    outputSchema,
    annotations: { readOnlyHint: true, openWorldHint: images.limits.allowUrls === true },
  };
  server.registerTool(
    "ask",
    config,
    ({ image, question, verify = false, maxTokens, ...method }, context) =>
      callTool(setup, context, async ({ model, signal, onProgress }) => {
        const content = [
          { type: "image", image: await images.read(image) },
          { type: "text", text: question },
        ] as const;
        let tokens = 0;
        const { choices } = await answerChat(
          model,
          {
            turns: [{ role: "user", content }],
            options: { ...method, verify },
            count: 1,
            decoding: { seed: 0, ...(maxTokens === undefined ? {} : { maxTokens }) },
          },
          {
            signal,
            onPiece: () => onProgress(++tokens === 1 ? "1 token" : `${tokens} tokens`, true),
          },
          setup,
        );
        const [{ answer, phrases, warnings }] = choices as [(typeof choices)[0]];
        const told = phrases && toldPhrases(phrases);
        return {
          text:
            told === undefined ? answer.text : `${answer.text}\n\n${doubtsText(told, warnings)}`,
          content: {
            text: answer.text,
            method: answer.method.name,
            finishReason: answer.finishReason,
            ...(told === undefined ? {} : { phrases: told }),
            warnings,
          },
        };
      }),
  );
};

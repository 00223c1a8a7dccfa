import { z } from "zod";
import { checkCaption } from "../diagnose/index.js";
import { callTool } from "./call-tool.js";
import { doubtsText, PHRASE, toldPhrases } from "./told-phrases.js";
import { imageField, textField } from "./tool-fields.js";
import type { RegisterTool } from "./tool-setup.js";

/** `verify_caption`: which phrases of a caption to doubt. */
export const registerVerifyCaption: RegisterTool = (server, setup) => {
  const { images } = setup;
  const config = {
    title: "Verify a caption",
    description:
      "Says which objects that a caption names are probably not in the image, and why. The caption may be of any origin.",
    inputSchema: z.strictObject({
      image: imageField(images),
      caption: textField("The text to check, such as a description of the image."),
    }),
    outputSchema: z.object({
      doubtful: z.array(PHRASE).describe("the phrases that are better not said"),
      phrases: z.array(PHRASE).describe("all phrases that were found"),
      warnings: z.array(z.string()).describe("what could not be told, and why"),
    }),
    annotations: { readOnlyHint: true, openWorldHint: images.limits.allowUrls === true },
  };
  server.registerTool("verify_caption", config, ({ image, caption }, context) =>
    callTool(setup, context, async ({ model, signal, onProgress }) => {
      const pixels = await images.read(image);
      onProgress("reading the caption");
      const { phrases, warnings } = await checkCaption(model, pixels, caption, { signal });
      const told = toldPhrases(phrases);
      const doubtful = told.filter((phrase) => phrase.doubtful);
      return { text: doubtsText(told, warnings), content: { doubtful, phrases: told, warnings } };
    }),
  );
};

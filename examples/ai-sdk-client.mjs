// The AI SDK (npm install ai @ai-sdk/openai-compatible; Node 22) against `groundsight serve`.
import { readFile } from "node:fs/promises";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

// What the provider leaves out of a response, as metadata.
const facts = (body) => ({ local: { ...body.choices[0], ...body.groundsight } });
const metadataExtractor = {
  extractMetadata: async ({ parsedBody }) => facts(parsedBody),
  createStreamExtractor: (last) => ({
    processChunk: (chunk) => (last = chunk.groundsight ? facts(chunk) : last),
    buildMetadata: () => last,
  }),
};
const local = createOpenAICompatible({
  name: "local",
  baseURL: "http://127.0.0.1:8000/v1",
  apiKey: process.env.GROUNDSIGHT_API_KEY ?? "none",
  metadataExtractor,
});
const data = await readFile(process.argv[2] ?? "photo.png");
const messages = [
  {
    role: "user",
    content: [
      { type: "file", data, mediaType: "image/png" },
      { type: "text", text: "Describe the image." },
    ],
  },
];

const { textStream } = streamText({ model: local("pocket:vcd"), messages });
for await (const text of textStream) process.stdout.write(text);
process.stdout.write("\n");

const { text, providerMetadata } = await generateText({
  model: local("pocket"),
  messages,
  providerOptions: {
    local: { logprobs: true, groundsight: { method: "vcd", settings: { alpha: 2 }, verify: true } },
  },
});
const { method, logprobs, groundsight } = providerMetadata.local;
console.log(method.name, text);
console.log("doubtful:", groundsight.doubtful);
console.log(logprobs.content.slice(0, 3).map(({ token, logprob }) => [token, logprob]));

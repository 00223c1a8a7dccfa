// LangChain (npm install @langchain/core @langchain/openai; Node 22) against `groundsight serve`.
import { readFile } from "node:fs/promises";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";

const data = await readFile(process.argv[2] ?? "photo.png", "base64");
const messages = [
  new HumanMessage({
    content: [
      { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      { type: "text", text: "Describe the image." },
    ],
  }),
];
const server = {
  configuration: { baseURL: "http://127.0.0.1:8000/v1" },
  apiKey: process.env.GROUNDSIGHT_API_KEY ?? "none",
};

const stream = await new ChatOpenAI({ model: "pocket:vcd", ...server }).stream(messages);
for await (const { content } of stream) process.stdout.write(content);
process.stdout.write("\n");

const model = new ChatOpenAI({
  model: "pocket",
  logprobs: true,
  modelKwargs: { groundsight: { method: "vcd", settings: { alpha: 2 } } },
  ...server,
});
const { content, response_metadata } = await model.invoke(messages);
console.log(content);
console.log(
  response_metadata.logprobs.content.slice(0, 3).map(({ token, logprob }) => [token, logprob]),
);

// The npm client of OpenAI (npm install openai; Node 22) against `groundsight serve`.
import { readFile } from "node:fs/promises";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "http://127.0.0.1:8000/v1",
  apiKey: process.env.GROUNDSIGHT_API_KEY ?? "none",
});
const data = await readFile(process.argv[2] ?? "photo.png", "base64");
const messages = [
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      { type: "text", text: "Describe the image." },
    ],
  },
];

// A method by the model's name, and the words as they come.
const stream = await client.chat.completions.create({
  model: "pocket:vcd",
  messages,
  stream: true,
});
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? "");
process.stdout.write("\n");

// The same by the field, with the words to doubt, and how likely each token was.
const { choices, groundsight } = await client.chat.completions.create({
  model: "pocket",
  messages,
  logprobs: true,
  groundsight: { method: "vcd", settings: { alpha: 2 }, verify: true },
});
const [{ message, logprobs, groundsight: told }] = choices;
console.log(groundsight.method.name, message.content);
console.log("doubtful:", told.doubtful);
console.log(logprobs.content.slice(0, 3).map(({ token, logprob }) => [token, logprob]));

try {
  await client.chat.completions.create({ model: "pocket:vdc", messages });
} catch (error) {
  console.log(error.status, error.param, error.message);
}

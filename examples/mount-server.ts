// Mounts the endpoint in a server of one's own, and asks it as a client would.
import { load } from "groundsight";
import { createHandler, localInference } from "groundsight/server";

const inference = await localInference([await load("pocket")]);
const handler = createHandler(inference, { apiKeys: ["secret"] });
const response = await handler(
  new Request("http://localhost/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer secret" },
    body: JSON.stringify({
      model: "pocket",
      messages: [{ role: "user", content: process.argv[2] ?? "What is red?" }],
      max_tokens: 20,
    }),
  }),
);
console.log(response.status, await response.text());
await inference.close();

import { InvalidArgumentError } from "../../src/index.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { createHandler } from "../../src/server/handler.js";
import { localInference } from "../../src/server/local-inference.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutated, pick } from "./mutated.js";
import { mutatedBytes } from "./mutated-bytes.js";

const URLS = [
  "data:image/png;base64,iVBORw0KGgo=",
  "data:image/png;base64,",
  "data:text/plain,a",
  "file:///etc/passwd",
  "/etc/passwd",
  "http://169.254.169.254/latest/meta-data",
  "http://localhost:1/",
  "javascript:alert(1)",
  "",
];

const HEADERS: readonly (readonly [string, string])[] = [
  ["content-type", "application/json; charset=utf-16"],
  ["content-type", "multipart/form-data"],
  ["content-encoding", "gzip"],
  ["content-length", "99999999999"],
  ["authorization", `Bearer ${"a".repeat(9000)}`],
  ["x-request-id", "../../etc/passwd"],
  ["x-forwarded-for", "127.0.0.1"],
  ["origin", "null"],
  ["accept-encoding", "gzip;q=9e999"],
];

/** What no answer may hold: stack traces and places on this machine. */
const INSIDE = new RegExp(`\\n\\s+at |node_modules|${process.cwd().replaceAll(/\W/g, "\\$&")}`);

/** A request that is right. */
function chat(random: SeededRandom): object {
  const image = { type: "image_url", image_url: { url: pick(random, URLS) } };
  const content = random.integer(3) > 0 ? "A dog?" : [{ type: "text", text: "A dog?" }, image];
  return {
    model: pick(random, ["fake", "fake:vcd", "fake:regular"]),
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content },
    ],
    temperature: 0.5,
    top_p: 0.9,
    max_tokens: 3,
    n: 2,
    stop: ["a"],
    seed: 1,
    logprobs: true,
    top_logprobs: 2,
    stream: random.integer(2) === 0,
    groundsight: { settings: {}, evidence: false },
    user: "ada",
  };
}

/** Requests with fields, bytes or headers changed: each is answered, or refused in OpenAI's shape. */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const inference = await localInference(new Map([["fake", fakeModel()]]));
  const limits = { maxBodyMiB: 0.25, timeoutMs: 5000, maxTokens: 64 };
  const handler = createHandler(inference, { limits });
  let what = "";
  const run = async (index: number) => {
    const random = new SeededRandom(seed, `chat ${index}`);
    const text =
      random.integer(4) === 0 ? JSON.stringify(chat(random)) : mutated([chat(random)], random);
    const bytes = new TextEncoder().encode(text.replace(/^\[|\]$/g, ""));
    const body = random.integer(4) === 0 ? mutatedBytes(bytes, random) : bytes;
    const headers = new Headers({ "content-type": "application/json" });
    if (random.integer(6) === 0) headers.set(...pick(random, HEADERS));
    what = `${[...headers].join("; ")}: ${new TextDecoder().decode(body).slice(0, 500)}`;
    const request = new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      headers,
      body,
    });
    const response = await handler(request);
    const told = await response.text();
    if (INSIDE.test(told)) throw new Error(`what is inside was told: ${told}`);
    if (response.status === 200) {
      const failure = /^(?:data: )?\{"error":.*$/m.exec(told)?.[0];
      if (failure === undefined) return;
      // A machine may be busy.
      if (!failure.includes('"code":"timeout"'))
        throw new Error(`an answer that failed: ${failure}`);
      throw new InvalidArgumentError("it took too long");
    }
    const { error } = JSON.parse(told) as { error: { message: string; type: string } };
    if (
      ![400, 404, 408, 413, 415].includes(response.status) ||
      error.type !== "invalid_request_error"
    ) {
      throw new Error(`status ${response.status}: ${told}`);
    }
    throw new InvalidArgumentError(error.message);
  };
  try {
    return await fuzzed({ name: "chats", cases, seed, run, describe: () => what }, bounds);
  } finally {
    await inference.close();
  }
}

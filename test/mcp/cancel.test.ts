import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import type { Model } from "../../src/index.js";
import { AllowedImages } from "../../src/mcp/allowed-images.js";
import { createServer } from "../../src/mcp/index.js";
import { fakeModel } from "../../src/testing/index.js";
import { callTool } from "./mcp-client.js";

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ASKED = { name: "ask", arguments: { image: PIXEL, question: "?", maxTokens: 2048 } };

let open: Client | undefined;
afterEach(() => open?.close());

/** A client of a server in this process. */
async function connect(
  model: Promise<Model>,
  onFault: (error: unknown) => void = () => {},
): Promise<Client> {
  const setup = {
    model,
    images: await AllowedImages.of([], {}),
    onFault,
    inTurn: <T>(work: () => Promise<T>) => work(),
  };
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await createServer({ McpServer }, "1", setup).connect(theirs);
  open = new Client({ name: "test", version: "1" });
  await open.connect(ours);
  return open;
}

test("a call that is cancelled ends the model's work within a token", async () => {
  const model = fakeModel({ respond: () => "word ".repeat(400) });
  const outcomes: Promise<unknown>[] = [];
  const watched: Model = Object.create(model, {
    generateBatch: {
      value: (...args: Parameters<Model["generateBatch"]>) => {
        const answers = model.generateBatch(...args);
        outcomes.push(answers.catch(({ code }: { code: string }) => code));
        return answers;
      },
    },
  });
  const client = await connect(Promise.resolve(watched));
  const cancel = new AbortController();
  const called = client.callTool(ASKED, {
    signal: cancel.signal,
    onprogress: ({ progress }) => progress > 0 && cancel.abort(),
  });
  await expect(called).rejects.toThrow();
  expect(await outcomes[0]).toBe("ABORTED");
  expect(await callTool(client, "ask", { ...ASKED.arguments, maxTokens: 4 })).toMatchObject({
    text: "word",
  });
});

test("what nobody foresaw is told without its words, which go to the log", async () => {
  const faults: unknown[] = [];
  const fault = new Error("in /home/someone/secret.js:1");
  const broken = { generateBatch: () => Promise.reject(fault) } as unknown as Model;
  const client = await connect(Promise.resolve(broken), (error) => faults.push(error));
  expect(await callTool(client, "ask", ASKED.arguments)).toEqual({
    text: "unforeseen: the tool failed; the server's standard error tells more",
    isError: true,
    content: undefined,
  });
  expect(faults).toEqual([fault]);
});

test("a client that wants to know is told of each stage", async () => {
  const client = await connect(Promise.resolve(fakeModel({})));
  const told: string[] = [];
  await client.callTool(
    { name: "verify_caption", arguments: { image: PIXEL, caption: "A cat." } },
    { onprogress: ({ message = "" }) => told.push(message) },
  );
  expect(told).toEqual(["waiting for the model", "reading the caption"]);
});

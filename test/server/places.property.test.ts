import fc from "fast-check";
import { InferenceError } from "groundsight";
import { expect, test } from "vitest";
import { createHandler } from "../../src/server/handler.js";
import { chatRequestOf, type Json, postChat, question } from "./requests.js";
import { ScriptedInference } from "./scripted-inference.js";

/** What happens to requests, in order; `which` counts those that have come, or those that are answered. */
const events = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant("come" as const),
      stream: fc.boolean(),
      n: fc.integer({ min: 1, max: 2 }),
    }),
    fc.record({
      what: fc.constantFrom("abort", "cancel", "say", "end", "fail"),
      which: fc.nat(),
    }),
  ),
  { maxLength: 25 },
);

const settled = () => new Promise((resolve) => setTimeout(resolve, 2));

test("no place is lost, whatever clients and models do, and every request gets an end", async () => {
  await fc.assert(
    fc.asyncProperty(events, async (happening) => {
      const models = await ScriptedInference.start();
      const logged: number[] = [];
      const handler = createHandler(models, {
        limits: { maxRunning: 2, maxQueued: 2 },
        log: ({ path, status }) => path.includes("chat") && logged.push(status),
      });
      const clients: { stop: AbortController; done: Promise<unknown>; body?: ReadableStream }[] =
        [];
      for (const event of happening) {
        if (event.what === "come") {
          const stop = new AbortController();
          const { n, stream } = event as { n: number; stream: boolean };
          const answering = handler(
            chatRequestOf(question("?", { n, stream }), { signal: stop.signal }),
          );
          const client: (typeof clients)[number] = { stop, done: answering };
          client.done = answering.then((response) => {
            if (stream && response.body !== null) client.body = response.body;
            else return response.json();
          });
          clients.push(client);
        } else {
          const { which } = event as { which: number };
          const client = clients[which % Math.max(1, clients.length)];
          const chat = models.chats[which % Math.max(1, models.chats.length)];
          if (event.what === "abort") client?.stop.abort();
          if (event.what === "cancel" && client?.body !== undefined) {
            await client.body.cancel();
            delete client.body;
          }
          if (event.what === "say") chat?.say("Ye");
          if (event.what === "end") chat?.end();
          if (event.what === "fail") chat?.fail(new InferenceError("NaN"));
        }
        await settled();
      }
      // Whatever still runs ends, and so does what waited for it.
      for (let i = 0; i < 10; i++) {
        for (const chat of models.chats) chat.end();
        await settled();
      }
      await Promise.all(clients.map(({ done }) => done));
      await settled();
      expect(logged).toHaveLength(clients.length);
      const text = await (await handler(new Request("http://x/metrics"))).text();
      expect(text).toContain("groundsight_running_answers 0");
      expect(text).toContain("groundsight_queued_requests 0");
      const next = postChat(handler, question("?", { n: 2 }));
      (await models.chatAt(models.chats.length)).end("still here");
      const { body }: { body: Json } = await next;
      expect(body.choices[0].message.content).toBe("still here");
    }),
    { numRuns: 20 },
  );
});

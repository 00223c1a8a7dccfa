import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { protocolInput } from "../../src/mcp/protocol-input.js";

/** The chunks that come of some that go in, and how they ended. */
async function through(chunks: readonly string[], longest: number) {
  const input = new PassThrough();
  const told: string[] = [];
  let ended = "end";
  const lines = protocolInput(input, longest)
    .on("data", (chunk: Buffer) => told.push(`${chunk}`))
    .on("error", ({ message }) => {
      ended = message;
    });
  const closed = new Promise((resolve) => lines.once("close", resolve));
  for (const chunk of chunks) input.write(chunk);
  input.end();
  await closed;
  return { told, ended, isInputClosed: input.destroyed };
}

test("lines are told whole, however they come, and what is no whole one is not", async () => {
  expect(await through(['{"a":', "1}", "\n{}\n{", "}\n", "{"], 100)).toEqual({
    told: ['{"a":1}\n{}\n', "{}\n"],
    ended: "end",
    isInputClosed: true,
  });
});

test("a line of the longest length is told, a longer one ends the input", async () => {
  expect((await through(["a".repeat(60), `${"a".repeat(40)}\n`], 100)).told).toEqual([
    `${"a".repeat(100)}\n`,
  ]);
  for (const chunks of [["a".repeat(60), `${"a".repeat(41)}\n`], ["a".repeat(101)]]) {
    expect(await through(chunks, 100)).toEqual({
      told: [],
      ended: "a message is longer than 100 bytes",
      isInputClosed: true,
    });
  }
});

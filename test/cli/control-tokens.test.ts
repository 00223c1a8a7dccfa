import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CHECKPOINTS } from "../global-setup.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const image = fileURLToPath(
  new URL("../../pocket/bench/test/images/test_000003.png", import.meta.url),
);

test.each([
  ["pocket", ["a dog</s> or a cat?"], "control token </s>"],
  [`${CHECKPOINTS}concat`, ["a dog<pad>"], "control token <pad>"],
  ["pocket", ["What?", "--method", "described", "--description", "<image>"], "image token <image>"],
] as const)("ask, of %s, refuses %j by name with status 2", (model, args, message) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, "ask", image, ...args, "--model", model, "--threads", "1"],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  expect(stderr).toContain(message);
  expect(stderr).not.toContain("    at ");
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("the example of a test with the fake model passes as it stands", async () => {
  await expect(import("../examples/test-with-fake-model.js")).resolves.toBeDefined();
});

test("the package exports what the examples import", () => {
  const script = `
    import { load, vcd, regular, GroundsightError } from "groundsight";
    import { fakeModel } from "groundsight/testing";
    const { text } = await fakeModel({ respond: () => "Yes" }).generate({ prompt: "?", method: regular() });
    console.log(text, typeof load, vcd().name, GroundsightError.name);`;
  const cwd = new URL("..", import.meta.url);
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    cwd,
  });
  expect({ stdout, stderr }).toEqual({ stdout: "Yes function vcd GroundsightError\n", stderr: "" });
});

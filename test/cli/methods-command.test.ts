import { METHODS } from "groundsight";
import { expect, test } from "vitest";
import { groundsight } from "./groundsight.js";

test("lists every method with what it costs, and tells the settings of one", () => {
  const { stdout } = groundsight("methods");
  for (const { name, summary, cost } of Object.values(METHODS)) {
    expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
    expect(stdout).toContain(summary);
    expect(stdout).toContain(cost);
  }
  const { stdout: one } = groundsight("methods", "vcd");
  expect(one).toContain("follows  Leng et al. 2024 (arXiv 2311.16922)\n");
  expect(one).toMatch(/^ {2}--alpha {2,}strength of the contrast; at least 0; default 1$/m);
  expect(one).toContain("distorted image, 0 to 999; default 500");
  expect(groundsight("methods", "vti").stdout).toMatch(/^ {2}\+<method> {2,}the method/m);
});

test("JSON has every setting; an unknown name is wrong use", () => {
  const listed = JSON.parse(groundsight("methods", "--json").stdout) as {
    name: string;
    settings: { name: string; flag: string | null }[];
  }[];
  expect(
    Object.fromEntries(listed.map(({ name, settings }) => [name, settings.map((one) => one.name)])),
  ).toEqual(
    Object.fromEntries(
      Object.values(METHODS).map(({ name, settings }) => [name, Object.keys(settings)]),
    ),
  );
  expect(groundsight("methods", "vcdd")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("Did you mean 'vcd'?"),
  });
});

test("a flag that methods share takes the words of each, and each takes its own only", () => {
  // Every choice that a method has must be a choice of the flag.
  const { stdout } = groundsight("ask", "--help");
  const text = stdout.replaceAll(/\s+/g, " ");
  for (const { settings } of Object.values(METHODS)) {
    for (const setting of Object.values(settings)) {
      if (setting.type !== "choice") continue;
      for (const word of setting.choices) expect(text).toContain(`"${word}"`);
    }
  }
});

import { fileURLToPath } from "node:url";
import { METHODS, type MethodEntry, methodFromText, methodText } from "groundsight";
import { fakeModel } from "groundsight/testing";
import { expect, test, vi } from "vitest";

test("a method's entry in the registry is all that text, flags and help need", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  process.argv[2] = fileURLToPath(
    new URL("../pocket/bench/dev/images/dev_000008.png", import.meta.url),
  );
  const { IMAGE_FREE } = await import("../examples/own-method.js");
  (METHODS as Record<string, MethodEntry>)[IMAGE_FREE.name] = IMAGE_FREE;

  const method = methodFromText("image-free:alpha=2");
  expect(methodText(method)).toBe("image-free:alpha=2");
  expect(() => methodFromText("image-free:alhpa=2")).toThrow("did you mean alpha?");
  expect(methodFromText("averaging:copies=2+image-free").settings).toMatchObject({
    method: { name: "image-free", settings: { alpha: 0.5 } },
  });

  // The fake model's next byte follows the image where there is one; without it, it follows the text alone.
  const image = Uint8Array.of(255, 255);
  const model = fakeModel({ respond: ({ brightness }) => (brightness === 1 ? "seen" : "blind") });
  const answer = await model.generate({ image, prompt: "?", method });
  expect(answer).toMatchObject({ text: "seen", method: { name: "image-free" } });

  const { askCommand } = await import("../src/cli/ask-command.js");
  const help = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  askCommand().outputHelp();
  const printed = help.mock.calls.map(([text]) => text).join("");
  expect(printed).toContain("image-free:alpha=0.5");
  expect(printed).toMatch(/1 for\s+vcd,[^)]*; 0\.5\s+for\s+heads,\s+image-free/);
});

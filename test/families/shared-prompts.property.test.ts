import fc from "fast-check";
import { expect, test } from "vitest";
import type { PromptTurn } from "../../src/families/family.js";
import { earlierPrompts, expandImageTokens } from "../../src/families/shared-prompts.js";

const IMAGE = 1;

test("expanded, each image's span holds its tokens and nothing else is changed", () => {
  const piece = fc.oneof(fc.integer({ min: 2, max: 9 }), fc.record({ count: fc.nat(4) }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const tokens = pieces.map((one) => (typeof one === "number" ? one : IMAGE));
      const counts = pieces.flatMap((one) => (typeof one === "number" ? [] : [one.count]));
      const expanded = expandImageTokens(tokens, IMAGE, counts);
      expect(expanded.images.map(({ start, end }) => end - start)).toEqual(counts);
      for (const { start, end } of expanded.images) {
        for (const token of expanded.tokens.slice(start, end)) expect(token).toBe(IMAGE);
      }
      const inside = (i: number) => expanded.images.some(({ start, end }) => i >= start && i < end);
      const rest = expanded.tokens.filter((_, i) => !inside(i));
      expect(rest).toEqual(tokens.filter((token) => token !== IMAGE));
    }),
  );
});

const turn = (role: PromptTurn["role"], text: string): PromptTurn => ({
  role,
  parts: [{ type: "text", text }],
});
const encode = (text: string) => [...new TextEncoder().encode(text)];
const words = (turns: readonly PromptTurn[]) =>
  turns.map(({ role, parts: [part] }) => `${role}:${(part as { text: string }).text}\n`).join("");

test("the prompts of earlier answers are beginnings of this one", () => {
  const render = (turns: readonly PromptTurn[], prompt: boolean) =>
    words(turns) + (prompt ? "assistant:" : "");
  const turns = [
    turn("user", "a"),
    turn("assistant", "b"),
    turn("user", "c"),
    turn("assistant", "d"),
    turn("user", "e"),
  ];
  const tokens = encode(render(turns, true));
  expect(earlierPrompts(turns, tokens, { render, encode })).toEqual([
    "user:a\nassistant:".length,
    "user:a\nassistant:b\nuser:c\nassistant:".length,
  ]);
});

test("a template that words the past otherwise has no shared beginnings", () => {
  const render = (turns: readonly PromptTurn[], prompt: boolean) =>
    `${turns.length} turns\n${words(turns)}${prompt ? "assistant:" : ""}`;
  const turns = [turn("user", "a"), turn("assistant", "b"), turn("user", "c")];
  expect(earlierPrompts(turns, encode(render(turns, true)), { render, encode })).toEqual([]);
});

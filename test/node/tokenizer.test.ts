import { fileURLToPath } from "node:url";
import { AutoTokenizer } from "@huggingface/transformers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readTokenizer } from "../../src/node/tokenizer.js";
import { CHECKPOINTS } from "../global-setup.js";

const pocket = fileURLToPath(new URL("../../pocket/llava", import.meta.url));

test.each([pocket, `${CHECKPOINTS}concat`])(
  "%s: the same as transformers.js makes",
  async (path) => {
    const theirs = await AutoTokenizer.from_pretrained(path, { local_files_only: true });
    const ours = readTokenizer(path);
    expect(ours.controls).toEqual(theirs.all_special_tokens);
    for (let id = 0; id < 300; id++)
      expect(ours.decode([id], { special: true })).toBe(
        theirs.decode([id], { skip_special_tokens: false }),
      );
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const words = fc.array(
      fc.oneof(text, fc.constantFrom(...theirs.all_special_tokens, " ", "\n")),
    );
    fc.assert(
      fc.property(words, (pieces) => {
        const joined = pieces.join("");
        const ids = theirs.encode(joined, { add_special_tokens: false });
        expect(ours.encode(joined, { around: false })).toEqual(ids);
        if (ids.length > 0)
          expect(ours.decode(ids, { special: false })).toBe(
            theirs.decode(ids, { skip_special_tokens: true }),
          );
      }),
      { numRuns: 200 },
    );
  },
);

test("renders chat templates as transformers.js does", async () => {
  const theirs = await AutoTokenizer.from_pretrained(pocket, { local_files_only: true });
  const ours = readTokenizer(pocket);
  const template = theirs.get_chat_template();
  const part = fc.oneof(
    fc.constant({ type: "image" as const }),
    fc.record({ type: fc.constant("text" as const), text: fc.string({ unit: "binary" }) }),
  );
  const turn = fc.record({
    role: fc.constantFrom("system" as const, "user" as const, "assistant" as const),
    parts: fc.array(part, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 4 }), fc.boolean(), (turns, prompted) => {
      const messages = turns.map(({ role, parts }) => ({ role, content: parts }));
      const rendered = theirs.apply_chat_template(messages as never, {
        tokenize: false,
        add_generation_prompt: prompted,
      });
      expect(ours.render(template, turns, prompted)).toBe(rendered);
    }),
    { numRuns: 100 },
  );
});

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InferenceError, load, ModelLoadError } from "../../src/index.js";
import { withinTemplateTime } from "../../src/node/chat-template.js";
import { CHECKPOINTS } from "../global-setup.js";

let folder: string;
let stock: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
  stock = JSON.parse(
    await readFile(`${CHECKPOINTS}concat/tokenizer_config.json`, "utf8"),
  ).chat_template;
});
afterAll(() => rm(folder, { recursive: true }));

/** A checkpoint whose template lies elsewhere: what `files` say is added to the JSON files, undefined taken out. */
async function checkpoint(files: Record<string, object | string>): Promise<string> {
  const path = join(folder, `checkpoint-${count++}`);
  await cp(`${CHECKPOINTS}concat`, path, { recursive: true });
  const all = { "tokenizer_config.json": { chat_template: undefined }, ...files };
  for (const [name, content] of Object.entries(all)) {
    const file = join(path, name);
    const known = await readFile(file, "utf8").catch(() => "{}");
    const text =
      typeof content === "string" ? content : JSON.stringify({ ...JSON.parse(known), ...content });
    await writeFile(file, text);
  }
  return path;
}

const ask = { prompt: "Hello", maxTokens: 4 };

test("the template is read wherever checkpoints keep it", async () => {
  await using model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const { tokens, usage } = await model.generate(ask);
  const places: Record<string, object | string>[] = [
    { "chat_template.jinja": stock },
    { "chat_template.json": { chat_template: stock } },
    { "processor_config.json": { chat_template: stock } },
    { "tokenizer_config.json": { chat_template: [{ name: "default", template: stock }] } },
    { "processor_config.json": { chat_template: { default: stock, tool_use: "x" } } },
    { "chat_template.jinja": stock, "tokenizer_config.json": { chat_template: "another" } },
  ];
  for (const place of places) {
    await using other = await load(await checkpoint(place), { threads: 1 });
    const answer = await other.generate(ask);
    expect([answer.tokens, answer.usage]).toEqual([tokens, usage]);
  }
});

test.each([
  [{}, "has no chat template; expected chat_template.jinja"],
  [{ "chat_template.jinja": "{% for %}" }, "chat_template.jinja: the chat template cannot render"],
  [{ "chat_template.jinja": "{{ raise_exception('no') }}" }, "cannot render a question: no"],
  [{ "chat_template.jinja": " \n" }, "chat_template.jinja: the chat template is empty"],
  [{ "tokenizer_config.json": { chat_template: "" } }, "the chat template is empty"],
  [{ "tokenizer_config.json": { chat_template: 5 } }, "chat_template is 5; expected a text"],
  [{ "tokenizer_config.json": { chat_template: [null] } }, "expected a text, or several"],
  [{ "chat_template.json": "{" }, "chat_template.json is not valid JSON"],
  [
    { "chat_template.jinja": "{% for i in range(1000000000) %}{% endfor %}" },
    "it took longer than 1000 ms",
  ],
  [
    {
      "chat_template.jinja":
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    },
    "it took longer than 1000 ms",
  ],
] as const)("a checkpoint with %j is refused on loading", async (files, message) => {
  const loading = load(await checkpoint(files), { threads: 1 });
  await expect(loading).rejects.toThrow(ModelLoadError);
  await expect(loading).rejects.toThrow(message);
});

test("a template that fails at a conversation says so as an inference error, and the model goes on", async () => {
  const template = `{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}${stock}`;
  await using model = await load(await checkpoint({ "chat_template.jinja": template }), {
    threads: 1,
  });
  const turns = (["user", "assistant", "user"] as const).map((role) => ({ role, content: "a" }));
  const failing = model.generate({ turns, maxTokens: 2 });
  await expect(failing).rejects.toThrow(InferenceError);
  await expect(failing).rejects.toThrow("cannot render this conversation: one turn only");
  expect((await model.generate(ask)).tokens).toHaveLength(4);
});

test("a tokenizer's class, which names one of Python's, is not looked at", async () => {
  const path = await checkpoint({
    "tokenizer_config.json": { tokenizer_class: "constructor", chat_template: stock },
  });
  await (await load(path, { threads: 1 })).dispose();
});

test("the limit of time leaves results and errors as they are", () => {
  const error = new RangeError("own");
  expect(withinTemplateTime(() => "text")).toBe("text");
  expect(() =>
    withinTemplateTime(() => {
      throw error;
    }),
  ).toThrow(error);
});

test("the limit is of the processor's time: a template that waited for it begins again", () => {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  let calls = 0;
  const text = withinTemplateTime(() => {
    calls++;
    if (calls === 1) Atomics.wait(nothing, 0, 0, 5000);
    return "text";
  });
  expect([text, calls]).toEqual(["text", 2]);
});

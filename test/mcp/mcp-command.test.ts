import { spawn, spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeDirections, load } from "../../src/index.js";
import { groundsight, main } from "../cli/groundsight.js";
import { directionLayers } from "../families/contract.js";
import { connectMcp, type McpRun, type ToolResult } from "./mcp-client.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** A couch, a book and more. */
const picture = `${root}pocket/demo/dev_000001.png`;

let folder: string;
let allowed: string;
let dataUrl: string;
let run: McpRun;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-mcp-"));
  allowed = join(folder, "allowed");
  await mkdir(join(allowed, "inner"), { recursive: true });
  await mkdir(join(folder, "allowed-not"));
  for (const place of ["allowed/photo.png", "secret.png", "allowed-not/photo.png"]) {
    await copyFile(picture, join(folder, place));
  }
  await writeFile(join(allowed, "notes.txt"), "no image");
  await symlink(join(folder, "secret.png"), join(allowed, "link.png"));
  await symlink(folder, join(allowed, "up"));
  await symlink(join(allowed, "photo.png"), join(allowed, "inner", "same.png"));
  dataUrl = `data:image/png;base64,${(await readFile(picture)).toString("base64")}`;
  // A stray line on standard output would end the client's reading.
  const stray = "data:text/javascript,setInterval(() => console.log('stray'), 20).unref()";
  run = await connectMcp(["--root", allowed], { env: { NODE_OPTIONS: `--import "${stray}"` } });
});
afterAll(async () => {
  await run.client.close();
  await rm(folder, { recursive: true });
});

/** A file of directions that fit pocket, and tell nothing. */
async function directions(): Promise<string> {
  await using model = await load("pocket", { threads: 1 });
  const { layers, hiddenSize } = model.info;
  const text = directionLayers(layers, 1, hiddenSize);
  const file = join(folder, "own.safetensors");
  await writeFile(file, encodeDirections({ modelHash: await model.hash(), text, facts: {} }));
  return file;
}

test("lists its tools, with schemas of what goes in and comes out", async () => {
  const { tools } = await run.client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["ask", "verify_caption", "explain_answer"]);
  for (const { inputSchema, outputSchema, annotations } of tools) {
    expect(JSON.stringify(inputSchema.properties)).toContain(allowed);
    expect(inputSchema.additionalProperties).toBe(false);
    expect(outputSchema?.type).toBe("object");
    expect(annotations).toEqual({ readOnlyHint: true, openWorldHint: false });
  }
});

describe("ask", () => {
  test("answers as the command line does, by a path and by a data URL", async () => {
    const question = "Is there a couch in the image?";
    const { stdout } = groundsight("ask", picture, question, "--threads", "1");
    for (const image of ["photo.png", join(allowed, "photo.png"), dataUrl]) {
      const { text, content } = await run.call("ask", { image, question });
      expect(text).toBe(stdout.trim());
      expect(content).toEqual({
        text: stdout.trim(),
        method: "regular",
        finishReason: "eos",
        warnings: [],
      });
    }
  });

  test("takes a method with its settings, a bound of tokens, and checks the answer", async () => {
    const { text, content } = await run.call("ask", {
      image: "photo.png",
      question: "Describe the image.",
      method: "vcd",
      settings: { alpha: 2 },
      verify: true,
      maxTokens: 6,
    });
    expect(content).toMatchObject({ method: "vcd", finishReason: "length" });
    expect(content).toHaveProperty("phrases");
    expect(text).toMatch(/No phrase|Doubtful/);
  });

  test.each<[object, string]>([
    [{ method: "vdc" }, "Did you mean 'vcd'?"],
    [{ method: "vcd", settings: { alfa: 1 } }, "alfa"],
    [{ method: "vti" }, "there is no file for vti here"],
    [{ question: "" }, "question"],
    [{ question: "a".repeat(8001) }, "question"],
    [{ maxTokens: 0 }, "maxTokens"],
    [{ maxToken: 1 }, "maxToken"],
    [{ image: 3 }, "image"],
  ])("refuses %.60j as an error of the tool", async (args, named) => {
    const told = await run.call("ask", { image: "photo.png", question: "A couch?", ...args });
    expect(told).toMatchObject({ isError: true, content: undefined });
    expect(told.text).toContain(named);
    expect(told.text).not.toMatch(/\bat \/|\.js:\d/);
  });
});

test("verify_caption tells what to doubt, with reasons, in words and in values", async () => {
  const { text, content } = await run.call("verify_caption", {
    image: "photo.png",
    caption: "A couch beside an elephant.",
  });
  const { doubtful, phrases } = content as Record<string, { text: string; reasons: string[] }[]>;
  expect(phrases!.map((phrase) => phrase.text)).toEqual(["couch", "elephant"]);
  expect(doubtful!.map((phrase) => phrase.text)).toEqual(["elephant"]);
  expect(doubtful![0]!.reasons).not.toEqual([]);
  expect(text).toContain(`- elephant`);
  expect(text).toContain(doubtful![0]!.reasons[0]);
});

describe("explain_answer", () => {
  test("tells of each token of a given answer whether the image speaks for it", async () => {
    const { text, content } = await run.call("explain_answer", {
      image: "photo.png",
      question: "Describe the image.",
      answer: "The image shows a cell phone and a couch.",
    });
    const { tokens, ...rest } = content as { tokens: { text: string; noImage: number }[] };
    expect(rest).toMatchObject({
      answer: "The image shows a cell phone and a couch.",
      generated: false,
      omittedTokens: 0,
    });
    expect(
      tokens
        .map((token) => token.text)
        .join("")
        .trim(),
    ).toBe("The image shows a cell phone and a couch.");
    expect(tokens.find((token) => token.text.trim() === "couch")!.noImage).toBeGreaterThan(1);
    expect(text).toContain('" couch": ');
  });

  test("is bounded, however long the answer is", async () => {
    const { content } = await run.call("explain_answer", {
      image: "photo.png",
      question: "Describe the image.",
      answer: "A couch and a dog. ".repeat(100).trim(),
    });
    const { tokens, omittedTokens, phrases } = content as Record<string, number & unknown[]>;
    expect(tokens).toHaveLength(256);
    expect(phrases).toHaveLength(100);
    expect(omittedTokens).toBeGreaterThan(100);
  });

  test("explains the model's own answer where none is given", async () => {
    const { content } = await run.call("explain_answer", {
      image: "photo.png",
      question: "Is there a couch in the image?",
    });
    expect(content).toMatchObject({ generated: true });
  });
});

describe("images", () => {
  const ask = (image: string): Promise<ToolResult> =>
    run.call("ask", { image, question: "Is there a couch?" });

  test("a link within the folders, and a way back into them, are followed", async () => {
    const within = ["inner/same.png", "up/allowed/photo.png", "../allowed/photo.png"];
    for (const image of [...within, `file://${allowed}/photo.png`]) {
      expect(await ask(image)).toMatchObject({ isError: false });
    }
  });

  test("what lies outside is refused in the words of what does not exist", async () => {
    const hostile = [
      "link.png",
      "up/secret.png",
      "../secret.png",
      "../allowed-not/photo.png",
      "inner/../../secret.png",
      `${folder}/secret.png`,
      `file://${folder}/secret.png`,
      "/etc/passwd",
      "/proc/self/environ",
      "/dev/zero",
      "..",
    ];
    for (const image of [...hostile, "missing.png", "../missing.png"]) {
      const { text, isError } = await ask(image);
      expect({ isError, text }).toEqual({
        isError: true,
        text: `image: there is no file '${image}' in ${allowed}; links that lead out of there are not followed`,
      });
    }
  });

  test("folders, other files, other URLs and texts that are none are refused", async () => {
    const refused: [string, string][] = [
      [".", "it is a folder"],
      ["notes.txt", "it is not an image"],
      ["data:image/png;base64,AAAA", "cannot decode image data URL"],
      ["http://127.0.0.1/a.png", "a URL, which is not allowed here"],
      ["https://example.org/a.png", "a URL, which is not allowed here"],
      ["ftp://example.org/a.png", "a URL, which is not allowed here"],
      ["file://host/a.png", "a URL, which is not allowed here"],
      ["photo.png\0.txt", "which is not allowed here"],
      ["a/".repeat(3000), "which is not allowed here"],
    ];
    for (const [image, reason] of refused) {
      const { text, isError } = await ask(image);
      expect({ isError, text }).toEqual({ isError: true, text: expect.stringContaining(reason) });
      expect(text).not.toContain(root);
    }
  });
});

test("to a client of 2026: no files without a folder, but data URLs; no URLs of the own network; steering", async () => {
  const steer = ["--steer", `own=${await directions()}`];
  const open = await connectMcp(["--allow-urls", "--method", "vcd", ...steer], { modern: true });
  try {
    const question = "What is on the table?";
    const file = await open.call("ask", { image: picture, question });
    expect(file.text).toMatch(/received a path, which is not allowed here.*groundsight mcp --root/);
    const url = await open.call("ask", { image: "http://127.0.0.1:9/a.png", question });
    expect(url.text).toMatch(/cannot read image http:\/\/127\.0\.0\.1:9\/a\.png: .*address/);
    const notices: string[] = [];
    const { structuredContent } = await open.client.callTool(
      { name: "ask", arguments: { image: dataUrl, question } },
      { onprogress: ({ message = "" }) => notices.push(message) },
    );
    expect(structuredContent).toMatchObject({ method: "vcd" });
    expect(notices[0]).toBe("waiting for the model");
    const steered = { image: dataUrl, question, steer: "own", maxTokens: 1 };
    expect((await open.call("ask", steered)).content).toMatchObject({ method: "vti" });
    const { text } = await open.call("ask", { ...steered, steer: "other" });
    expect(text).toBe("steer: received 'other'; expected one of own for vti");
  } finally {
    await open.client.close();
  }
});

test("standard error has what others print, standard output the protocol alone", () => {
  expect(run.log()).toContain("stray");
});

describe("the process", () => {
  /** Runs it with lines on standard input, which then ends. */
  const feed = (lines: readonly string[], ...args: string[]) =>
    spawnSync(process.execPath, [main, "mcp", ...args], {
      input: `${lines.join("\n")}\n`,
      encoding: "utf8",
    });

  test("reads over what is no message, says so, and ends well when its input ends", async () => {
    const child = spawn(process.execPath, [main, "mcp"]);
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    const answers = new Promise<string>((resolve) => {
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.trim().split("\n").length === 2) resolve(text);
      });
    });
    const hello = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    };
    const messages = [
      "not json",
      "[]",
      '{"jsonrpc":"2.0"}',
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: hello }),
      JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
      '{"jsonrpc":"2.0","id":',
      JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "no" } }),
    ];
    child.stdin.write(`${messages.join("\n")}\n`);
    const told = (await answers)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toMatchObject([
      { id: 1, result: {} },
      { id: 2, error: { code: -32602 } },
    ]);
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(log).toContain("groundsight: the client's message cannot be read: ");
    expect(log).not.toMatch(/\bat .*\.js:\d/);
  });

  test.each([
    [["--model", "./nowhere"], 1, "nowhere"],
    [["--method", "vdc"], 2, "Did you mean 'vcd'?"],
    [["--root", "./nowhere"], 2, "root: received './nowhere'; expected a folder that is there"],
  ])("ends at once with %s", (args, status, named) => {
    const ended = feed([], ...args);
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(ended.stderr).toContain(named);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  });
});

import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { atOnce } from "../../../src/eval/data/turns.js";
import { escapeMarkdown } from "../../../src/eval/report/escape-markdown.js";
import { renderHtml } from "../../../src/eval/report/render-html.js";
import type { RunAnalysis } from "../../../src/eval/report/run-analysis.js";
import { scoreMethods } from "../../../src/eval/report/scored-method.js";
import { writeReport } from "../../../src/eval/report/write-report.js";
import { analysed } from "../analysed.js";

const TAG = '<script>alert(1)</script><img src="https://example.org/x">';

let folder: string;
let analysis: RunAnalysis;
let html: string;
let markdown: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "report-"));
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  await writeFile(join(folder, "a.svg"), svg);
  const rows = ["yes", "no", "no"].map((label, i) => ({
    question_id: i,
    image: "a.svg",
    text: "Is it?",
    label,
    type: i === 0 ? "x" : TAG,
  }));
  const questions = pope.load({ data: { name: "q", text: JSON.stringify(rows) }, truth: null });
  const answersOf = (text: string) =>
    questions.map((question) => ({ question, answer: text, verdict: null }));
  const series = [
    { method: "regular", seed: null, answered: answersOf("Yes"), timings: [] },
    {
      method: `[vcd](https://example.org) ${TAG}`,
      seed: null,
      answered: answersOf(`No ${TAG}</script>`),
      timings: [],
    },
  ];
  const set = analysed({ name: TAG, benchmark: pope, rule: "pope" }, series);
  analysis = {
    settings: {
      version: "0",
      model: { id: TAG, hash: "h", dtype: "fp32" },
      promptSuffix: `${TAG}\n\n# Heading`,
      temperature: 1,
      topP: 1,
      sets: [],
      series: [],
    },
    sets: [{ ...set, judging: null, failures: { questions: 0, answers: [] } }],
    gains: [],
  };
  await writeReport(folder, analysis, (_, image) => join(folder, image), [
    { set, methods: atOnce(scoreMethods(pope, "pope", series)) },
  ]);
  html = await readFile(join(folder, "report.html"), "utf8");
  markdown = await readFile(join(folder, "report.md"), "utf8");
});
afterAll(() => rm(folder, { recursive: true }));

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

describe("names and texts of anyone", () => {
  test("are no tags, links or headings in Markdown", () => {
    expect(markdown).not.toMatch(/<script|<img|^# Heading/m);
    expect(markdown).toContain("&lt;script&gt;");
    expect(markdown).not.toMatch(/(?<!\\)\[vcd/);
    expect(escapeMarkdown("a|b\n\n*c* `d` ![e](f) \\")).toBe(
      "a\\|b \\*c\\* \\`d\\` !\\[e\\](f) \\\\",
    );
  });

  test("are no tags in HTML, whose only script is the page's own, and which may load no address", () => {
    const [script, ...others] = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
    expect(others).toEqual([]);
    expect(html).not.toMatch(/<img src="https/);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
    const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'; img-src data: 'self';");
    expect(policy).toContain(`style-src '${hashOf(style)}'`);
    expect(policy).toContain(`script-src '${hashOf(script?.[1] ?? "")}' 'strict-dynamic'`);
    expect(html).not.toMatch(/ style=/);
  });

  test("are no tags in the answers that the page loads", async () => {
    const all = await readdir(join(folder, "report-data"));
    const names = all.filter((name) => name.endsWith(".js"));
    expect(names.sort()).toEqual(["answers-0-0.js", "index.js"]);
    for (const name of names) {
      const script = await readFile(join(folder, "report-data", name), "utf8");
      expect(script).not.toContain("<");
      expect(script).toContain("\\u003cscript>");
    }
  });

  test("an image that is a drawing is not drawn", async () => {
    expect(html).not.toContain('src="data:image');
    expect(await readdir(join(folder, "report-data", "images"))).toEqual([]);
  });
});

describe("readers without a mouse, or without sight", () => {
  test("every table has a caption, heads with a scope, and a box that the keyboard reaches", () => {
    const tables = html.match(/<table>/g)?.length ?? 0;
    expect(tables).toBeGreaterThan(1);
    expect(html.match(/<table><caption>[^<]+<\/caption>/g)).toHaveLength(tables);
    expect(
      html.match(/<div class="scroll" tabindex="0" role="region" aria-label="[^"]+">/g),
    ).toHaveLength(tables);
    expect(html).not.toMatch(/<th>/);
    expect(html).toContain('<th scope="row">regular</th>');
  });

  test("there is one main, and the drawing tells its figures", () => {
    expect(html.match(/<main>/g)).toHaveLength(1);
    expect(html).toMatch(/<svg[^>]*aria-label="Accuracy, %: regular, greedy 33\.3 \(/);
  });

  test("the control apc is explained only in a run that has it", () => {
    expect(html).not.toMatch(/<b>apc<\/b>|control apc/);
    const apc = { method: "apc", settings: {}, seed: null };
    const settings = { ...analysis.settings, series: [apc] };
    const page = renderHtml({ ...analysis, settings }, () => null);
    expect(page).toContain("<b>apc</b> the control");
    expect(page).toContain("hollow: from the control apc");
  });

  test("few images are warned of", () => {
    expect(html).toContain('<p class="warning">only 1 image: below 20');
    expect(markdown).toContain("**only 1 image: below 20");
  });
});

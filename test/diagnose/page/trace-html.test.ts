import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { traceHtml } from "../../../src/diagnose/page/trace-html.js";
import { smallTrace } from "./small-trace.js";

test("the page is made of its sources, and docs/trace.html is the one without a trace", async () => {
  const made = promisify(execFile)(process.execPath, ["scripts/make-page.mjs", "trace", "--check"]);
  await expect(made).resolves.toMatchObject({ stderr: "" });
  expect(await readFile("docs/trace.html", "utf8")).toBe(traceHtml());
});

test("a trace ends no script, whatever it holds, and stays the same", () => {
  const trace = smallTrace("</script><script>alert(1)</script> <!-- here.");
  const page = traceHtml(trace);
  expect(page.match(/<script/g)).toHaveLength(traceHtml().match(/<script/g)!.length + 1);
  const [, json] = /id="trace">(.*?)<\/script>/s.exec(page)!;
  expect(JSON.parse(json!)).toEqual(trace);
});

test("a page with its trace may ask for nothing, one without may fetch", () => {
  const policy = (page: string) => /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
  expect(policy(traceHtml(smallTrace()))).not.toMatch(/connect-src|http|unsafe/);
  expect(policy(traceHtml())).toContain("connect-src http: https:");
  expect(policy(traceHtml())).not.toContain("unsafe");
});

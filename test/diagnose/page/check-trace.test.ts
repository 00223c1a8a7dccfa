import { expect, test } from "vitest";
import { checkTrace } from "../../../trace-page/check-trace.js";
import { smallTrace } from "./small-trace.js";

const trace = smallTrace();
const check = (value: unknown) => checkTrace(JSON.stringify(value));

test("a trace is read as it was written, whatever it has besides", () => {
  expect(check(trace)).toEqual({ trace });
  expect(check({ ...trace, added: "later" })).toEqual({ trace });
  const bare = { ...trace, base: null, image: null, tokens: [], phrases: [], answer: "" };
  expect(check(bare)).toEqual({ trace: bare });
  const nowhere = { ...trace, phrases: [{ ...trace.phrases[0], tokens: [0, 0] }] };
  expect(check(nowhere)).toEqual({ trace: nowhere });
});

test.each([
  ["not JSON, or is cut off", JSON.stringify(trace).slice(0, -1)],
  ["has no schemaVersion", "[1, 2]"],
  ["has no schemaVersion", "null"],
  ["schemaVersion 2, and this page reads 1", JSON.stringify({ ...trace, schemaVersion: 2 })],
])("a file is refused: %s", (problem, text) => {
  expect(checkTrace(text)).toEqual({ problem: expect.stringContaining(problem) });
});

const [token, ...others] = trace.tokens;
const [phrase] = trace.phrases;
const withToken = (change: object) => ({ ...trace, tokens: [{ ...token, ...change }, ...others] });
const withImage = (change: object) => ({ ...trace, image: { ...trace.image, ...change } });
const withPhrase = (change: object) => ({ ...trace, phrases: [{ ...phrase, ...change }] });
const map = { rows: 2, columns: 2, values: [1, 2, 3], how: "occlusion" };

test.each([
  ["tokens[0].logprob: ", withToken({ logprob: "high" })],
  ["tokens[0].probability: ", withToken({ probability: 1.5 })],
  ["tokens[0].base.shift: ", withToken({ base: { ...token!.base, shift: "sideways" } })],
  ["tokens[0].top[0].text: ", withToken({ top: [{ id: 1, text: null, logprob: 0 }] })],
  ["tokens[0].map.values: values must be rows x columns numbers", withToken({ map })],
  ["tokens[0].map.rows: ", withToken({ map: { ...map, rows: 1e9 } })],
  ["tokens[0]: characters 5 to 1000", withToken({ start: 5, end: 1000 })],
  ["tokens[1]: characters", withToken({ end: 20 })],
  ["phrases[0]: tokens 3 to 99", withPhrase({ tokens: [3, 99] })],
  ["phrases[0].trust: ", withPhrase({ trust: 2 })],
  ["phrases[0].reasons: ", withPhrase({ reasons: "none" })],
  ["image.dataUrl: must hold an image", withImage({ dataUrl: "https://example.org/a.png" })],
  [
    "image.dataUrl: must hold an image",
    withImage({ dataUrl: "data:image/svg+xml;base64,PHN2Zz4=" }),
  ],
  ["image.width: ", withImage({ width: 0 })],
  ["50001 tokens, and at most 50000", { ...trace, tokens: Array(50_001).fill(0) }],
])("what is wrong is told with its place: %s", (problem, value) => {
  expect(check(value)).toEqual({ problem: expect.stringContaining(problem) });
});

test("of many faults three are told, and how many more there are", () => {
  const tokens = trace.tokens.map((one) => ({ ...one, rank: -1 }));
  const { problem } = check({ ...trace, tokens }) as { problem: string };
  expect(problem).toMatch(/^tokens\[0\]\.rank: .*; tokens\[2\]\.rank: .*; and 4 more$/);
});

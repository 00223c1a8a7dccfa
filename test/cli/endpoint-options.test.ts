import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { endpointFrom, endpointMethods, pricesFrom } from "../../src/cli/endpoint-options.js";
import { InvalidArgumentError, load } from "../../src/index.js";

beforeEach(() => {
  vi.stubEnv("OPENAI_BASE_URL", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  ["openai:gpt-4o-mini@https://api.openai.com/v1", "gpt-4o-mini", "https://api.openai.com/v1"],
  [
    "openai:pocket:vcd:alpha=2@http://127.0.0.1:8000/v1/",
    "pocket:vcd:alpha=2",
    "http://127.0.0.1:8000/v1",
  ],
  ["openai:gpt-4o-mini", "gpt-4o-mini", "https://api.openai.com/v1"],
  ["openai:owner/name@001@https://host/v1?version=2", "owner/name@001", "https://host/v1"],
])("%s is the model %s at %s", (text, model, url) => {
  expect(endpointFrom({ model: text })).toMatchObject({ model, url, concurrency: 4 });
});

test("a checkpoint is no server; without a base URL that of OPENAI_BASE_URL is taken", () => {
  expect(endpointFrom({ model: "pocket" })).toBeNull();
  vi.stubEnv("OPENAI_BASE_URL", "http://localhost:8000/v1");
  expect(endpointFrom({ model: "openai:m", concurrency: 9 })).toMatchObject({
    url: "http://localhost:8000/v1",
    concurrency: 9,
  });
});

test.each([
  [{ model: "openai:" }, /openai: without a name/],
  [{ model: "openai:@https://host/v1" }, /openai: without a name/],
  [{ model: "openai:m@localhost:8000/v1" }, /an address without http\(s\):\/\//],
  [{ model: "openai:m@" }, /an address without http\(s\):\/\//],
  [{ model: "openai:m@ftp://host" }, /endpoint URL: received ftp:\.\.\./],
  [{ model: "openai:m@http://me:password1@host" }, /user name or password for host/],
  [{ model: "openai:m", dtype: "q4" }, /--dtype is the server's matter/],
  [{ model: "openai:m", offline: true }, /--offline is the server's matter/],
  [{ model: "pocket", concurrency: 2 }, /--concurrency goes with a server/],
  [{ model: "pocket", priceIn: 2 }, /--price-in goes with a server/],
] as const)("%j is refused, and no password shown", (flags, message) => {
  expect(() => endpointFrom(flags)).toThrow(InvalidArgumentError);
  expect(() => endpointFrom(flags)).toThrow(message);
  expect(() => endpointFrom(flags)).not.toThrow(/password1/);
});

test("methods: regular alone unless some are named; what needs logits is refused", async () => {
  const flags = { methods: "regular,apc,vcd", without: "" };
  expect([...(await endpointMethods(flags, false)).keys()]).toEqual(["regular"]);
  const verifying = { methods: "verify:mode=drop", without: "" };
  expect([...(await endpointMethods(verifying, true)).keys()]).toEqual([
    "regular",
    "verify:mode=drop",
  ]);
  const alone = { ...verifying, without: "regular,apc" };
  expect([...(await endpointMethods(alone, true)).keys()]).toEqual(["verify:mode=drop"]);
  await expect(endpointMethods(flags, true)).rejects.toThrow(/^apc: it needs the model's logits/);
  const controls = endpointMethods({ ...flags, controls: true }, false);
  await expect(controls).rejects.toThrow(/^--controls needs the model's logits/);
});

test("prices are told where one of both is given", () => {
  expect(pricesFrom({})).toBeUndefined();
  expect(pricesFrom({ priceOut: 2 })).toEqual({ input: 0, output: 2 });
});

test("whatever loads a checkpoint refuses a model behind a server, and shows nothing of its address", async () => {
  const loading = load("openai:m@http://me:password1@host");
  await expect(loading).rejects.toThrow(InvalidArgumentError);
  await expect(loading).rejects.toThrow(/received openai:\.\.\., a model behind a server/);
});

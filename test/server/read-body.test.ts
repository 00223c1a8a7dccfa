import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonGuard } from "../../src/server/json-guard.js";
import { readBody } from "../../src/server/read-body.js";
import { CHATS } from "./requests.js";

const never = new AbortController().signal;
type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
const request = (body: Body, headers: Record<string, string> = {}): Request =>
  new Request(CHATS, {
    method: "POST",
    body,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    duplex: "half",
  } as RequestInit);
const read = (body: Body, headers?: Record<string, string>, maxMiB = 1) =>
  readBody(request(body, headers), maxMiB, never);

/** A body that arrives in pieces. */
function pieces(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

describe("a body", () => {
  test("is its JSON, however it is cut up", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json({ maxDepth: 4 }),
        fc.integer({ min: 1, max: 9 }),
        async (json, size) => {
          expect(await read(pieces(json, size))).toEqual(JSON.parse(json));
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each<[Body, number, string]>([
    ["{", 400, "no JSON"],
    ["", 400, "no JSON: it ends too early"],
    [`{"a": 1}${" ".repeat(100)}x`, 400, "no JSON: at position 108"],
    ['{"a": tru}', 400, "no JSON: it has an unexpected character"],
    [Uint8Array.of(0x22, 0xff, 0x22), 400, "no UTF-8"],
    [Uint8Array.of(0x22, 0xc3), 400, "no UTF-8"],
    ["[".repeat(40), 400, "nested more than 32 deep"],
    [`${'{"a":'.repeat(33)}1${"}".repeat(33)}`, 400, "nested more than 32 deep"],
    [`[${"[],".repeat(100_000)}1]`, 400, "more than 100000 values"],
    [`"${"a".repeat(2 ** 20)}"`, 413, "larger than 1 MiB"],
  ])("%# is refused", async (body, status, message) => {
    const refusal = read(body);
    await expect(refusal).rejects.toMatchObject({ status });
    await expect(refusal).rejects.toThrow(message);
  });

  test("is refused by its length before any of it is read, and by its size where it has none", async () => {
    await expect(read("1", { "content-length": "9999999" })).rejects.toMatchObject({ status: 413 });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(2 ** 16).fill(0x20));
      },
    });
    await expect(read(endless)).rejects.toMatchObject({ status: 413 });
    expect(sent).toBeLessThan(25);
  });

  test.each([
    ["content-type", "text/plain"],
    ["content-type", "application/jsonx"],
    ["content-encoding", "gzip"],
  ])("of %s %s is refused", async (name, value) => {
    await expect(read("{}", { [name]: value })).rejects.toMatchObject({ status: 415 });
  });

  test("that never comes is given up with the request", async () => {
    const stop = new AbortController();
    let isCancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      cancel() {
        isCancelled = true;
      },
    });
    const reading = readBody(request(silent), 1, stop.signal);
    stop.abort(new Error("late"));
    await expect(reading).rejects.toThrow("late");
    expect(isCancelled).toBe(true);
  });

  test("that breaks off is told as such", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("socket hang up"));
      },
    });
    await expect(read(broken)).rejects.toMatchObject({ status: 400 });
  });
});

test("a guard sees depth outside of texts alone, wherever chunks are cut", () => {
  const tokens = fc.constantFrom("[", "]", '"', '\\"', "\\\\", "\\", "a", "{", "}");
  fc.assert(
    fc.property(
      fc.array(tokens, { maxLength: 120 }),
      fc.integer({ min: 1, max: 7 }),
      (parts, size) => {
        const text = parts.join("");
        let depth = 0;
        let deepest = 0;
        let isInText = false;
        for (let i = 0; i < text.length; i++) {
          if (isInText) {
            if (text[i] === "\\") i++;
            else if (text[i] === '"') isInText = false;
          } else if (text[i] === '"') isInText = true;
          else if ("[{".includes(text[i]!)) deepest = Math.max(deepest, ++depth);
          else if ("]}".includes(text[i]!)) depth--;
        }
        const guard = new JsonGuard(3);
        const bytes = new TextEncoder().encode(text);
        const push = () => {
          for (let at = 0; at < bytes.length; at += size) guard.push(bytes.subarray(at, at + size));
        };
        if (deepest > 3) expect(push).toThrow("nested");
        else push();
      },
    ),
    { numRuns: 2000 },
  );
});

test("a guard looks at texts full of quotes and escapes once", () => {
  const started = performance.now();
  for (const text of ["\\\\", '\\"', "\\"]) {
    new JsonGuard().push(new TextEncoder().encode(`"${text.repeat(2 ** 20)}`));
  }
  // Some 0.3 s; looking for the end again at each of them would take minutes.
  expect(performance.now() - started).toBeLessThan(15_000);
});

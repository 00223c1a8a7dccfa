import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fieldLacks, fieldPath, NEEDS_FIELD } from "./eval/field.js";

interface Source {
  repository: string;
  commit: string;
  licence: string;
  holds: string;
  files: { path: string; to: string; sha256: string }[];
}
interface Script {
  fieldSources(): Promise<Source[]>;
  fetchField(options: {
    folder: string;
    sources: readonly Source[];
    from: string;
    print: (line: string) => void;
  }): Promise<string[]>;
}
const script = "../scripts/fetch-field.mjs";
const { fetchField, fieldSources } = (await import(script)) as Script;

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const SERVED: Record<string, string> = {
  "/some/where/c0ffee/a%20b/good.json": "[1]",
  "/some/where/c0ffee/changed.json": "[2, 3]",
};
const source = (...files: [path: string, content: string][]): Source => ({
  repository: "some/where",
  commit: "c0ffee",
  licence: "none",
  holds: "numbers",
  files: files.map(([path, content]) => ({ path, to: `in/${path}`, sha256: sha256(content) })),
});

describe("fetching pinned files from a server", () => {
  let server: Server;
  let from: string;
  let folder: string;
  let asked = 0;
  const printed: string[] = [];
  const fetched = (...files: [string, string][]) =>
    fetchField({ folder, from, sources: [source(...files)], print: (line) => printed.push(line) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "groundsight-fetch-field-"));
    server = createServer(({ url = "" }, response) => {
      asked++;
      const content = SERVED[url];
      response.writeHead(content === undefined ? 404 : 200).end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  test("writes what has its checksum, says licence and source, and asks for it once", async () => {
    expect(await fetched(["a b/good.json", "[1]"])).toEqual([]);
    expect(await readFile(join(folder, "in/a b/good.json"), "utf8")).toBe("[1]");
    expect(printed[0]).toContain("https://github.com/some/where @c0ffee (no licence");
    const before = asked;
    expect(await fetched(["a b/good.json", "[1]"])).toEqual([]);
    expect(asked).toBe(before);
    await writeFile(join(folder, "in/a b/good.json"), "[1");
    expect(await fetched(["a b/good.json", "[1]"])).toEqual([]);
    expect(await readFile(join(folder, "in/a b/good.json"), "utf8")).toBe("[1]");
  });

  test("refuses another file and one that is not there, and leaves nothing of them", async () => {
    const problems = await fetched(["changed.json", "[2]"], ["gone.json", ""]);
    expect(problems).toEqual([
      expect.stringMatching(/^in\/changed\.json: received SHA-256 \w{64} .* not written$/),
      expect.stringMatching(/^in\/gone\.json: .*gone\.json answered 404/),
    ]);
    expect(existsSync(join(folder, "in/changed.json"))).toBe(false);
    expect(await readdir(join(folder, "in"))).toEqual(["a b"]);
  });
});

test("every source is pinned, and every file has a place of its own", async () => {
  const sources = await fieldSources();
  const files = sources.flatMap((one) => one.files);
  expect(new Set(files.map(({ to }) => to)).size).toBe(files.length);
  for (const { commit, licence } of sources) {
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(licence).toMatch(/^(Apache-2\.0|MIT|none)$/);
  }
  for (const { to, sha256: sum } of files) {
    expect(to).toMatch(/^[\w.-]+(\/[\w.-]+)+$/);
    expect(to).not.toContain("..");
    expect(sum).toMatch(/^[0-9a-f]{64}$/);
  }
});

describe.skipIf(fieldLacks(""))(`fetched files ${NEEDS_FIELD}`, () => {
  test("have the pinned checksums", async () => {
    for (const { files } of await fieldSources()) {
      for (const { to, sha256: sum } of files.filter(({ to }) => !fieldLacks(to))) {
        expect([to, sha256(await readFile(fieldPath(to)))]).toEqual([to, sum]);
      }
    }
  });
});

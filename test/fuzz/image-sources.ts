import { execFileSync } from "node:child_process";
import { mkdir, open, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { SeededRandom } from "../../src/math/seeded-random.js";
import { pick } from "./mutated.js";

/** Paths that lead to no image, or not at once. */
export class Places {
  readonly #folder: string;
  readonly #socket: Server;
  readonly #paths: readonly string[];

  private constructor(folder: string, socket: Server, paths: readonly string[]) {
    this.#folder = folder;
    this.#socket = socket;
    this.#paths = paths;
  }

  static async make(folder: string): Promise<Places> {
    const at = (name: string) => join(folder, name);
    await mkdir(at("folder.png"));
    await symlink(at("nowhere.png"), at("broken.png"));
    await symlink(at("circle.png"), at("circle.png"));
    await symlink(at("folder.png"), at("to-folder.png"));
    execFileSync("mkfifo", [at("pipe.png")]);
    await symlink(at("pipe.png"), at("to-pipe.png"));
    await symlink("/dev/zero", at("to-zero.png"));
    const large = await open(at("large.png"), "w");
    await large.write("\x89PNG\r\n");
    await large.truncate(3e9);
    await large.close();
    const socket = createServer().listen(at("socket.png"));
    const made = "folder broken circle to-folder pipe to-pipe to-zero large socket".split(" ");
    return new Places(folder, socket, [
      ...made.map((name) => at(`${name}.png`)),
      ..."/dev/zero /dev/null /dev/random /proc/self/status /proc/self/mem / . ..".split(" "),
      at("pipe.png/x.png"),
      `${at("broken.png")}\0.png`,
      "",
      "\0",
      "file:",
      "file:///",
      "file://elsewhere/a.png",
      "file:///%2f%00.png",
      "a".repeat(4096),
      "a/".repeat(5000),
      "ftp://me:secret@example.com/a.png",
      "http://me:secret@127.0.0.1:1/a.png?key=secret",
      "http://[::1]/?secret",
      "http://169.254.169.254/latest?secret",
      "https://0x7f.1/?secret",
      "http://:99999999/?secret",
      "HTTP:",
      "javascript:alert(1)",
    ]);
  }

  /** A place without an image. */
  wrong(random: SeededRandom): string {
    return pick(random, this.#paths);
  }

  /** A path to these bytes, or a link or URL to it. */
  async with(bytes: Uint8Array, random: SeededRandom): Promise<string | URL> {
    const path = join(this.#folder, "image é.png");
    await writeFile(path, bytes);
    const link = join(this.#folder, "link.png");
    const kind = random.integer(4);
    if (kind === 0) await symlink(path, link).catch(() => undefined);
    return [link, path, pathToFileURL(path), pathToFileURL(path).href][kind]!;
  }

  close(): void {
    this.#socket.close();
  }
}

/** The same bytes in one of the ways that need no file. */
export function inMemory(bytes: Uint8Array, random: SeededRandom): unknown {
  const copy = Uint8Array.from(bytes);
  const kind = random.integer(8);
  if (kind === 0) return copy.buffer;
  if (kind === 1)
    return new Blob([copy.subarray(0, 9), copy.subarray(9)], { type: "image/svg+xml" });
  if (kind === 2) return Buffer.concat([Buffer.of(0), bytes, Buffer.of(0)]).subarray(1, -1);
  if (kind === 3) return new File([copy], "../a\n.png");
  if (kind < 7) return dataUrl(bytes, random);
  return copy;
}

/** A data URL, as some write them. */
function dataUrl(bytes: Uint8Array, random: SeededRandom): string | URL {
  const base64 = Buffer.from(bytes).toString(pick(random, ["base64", "base64", "base64url"]));
  const escaped = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const head = pick(random, ["data:image/png", "DATA:", "data:text/html;charset=x", "data: "]);
  const url = pick(random, [
    `${head};base64,${base64}`,
    `${head}; BASE64 ,${base64}`,
    `${head},${escaped}`,
    `${head},${base64}`,
    `${head};base64${base64}`,
    `${head};base64,${base64.slice(0, random.integer(base64.length + 1))}`,
    `${head};base64,${base64.replaceAll("A", "!\n ")}`,
    `${head},${escaped.replaceAll("%0", "%")}`,
    // Shorter text may be a path.
    base64.length > 200 ? base64 : `${head};base64,${base64}`,
  ]);
  return random.integer(8) === 0 && URL.canParse(url) ? new URL(url) : url;
}

/** What is no image at all. */
export function noSource(random: SeededRandom): unknown {
  return pick(random, [
    null,
    undefined,
    7,
    8n,
    true,
    Symbol("image"),
    [],
    ["a.png"],
    {},
    () => "a.png",
    new Date(0),
    new DataView(new ArrayBuffer(9)),
    new Float32Array(9),
    new SharedArrayBuffer(9),
    Object.create(null),
    { path: "a.png" },
    Promise.resolve("a.png"),
  ]);
}

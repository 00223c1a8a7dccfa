import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageSource } from "../../../src/engine/conversation.js";
import { AbortedError, DatasetError, InvalidArgumentError } from "../../../src/errors.js";
import { type ImageLimits, imageLimits } from "../../../src/node/images/image-limits.js";
import { ImageOpener, openImage } from "../../../src/node/images/open-image.js";

const noise = Uint8Array.from({ length: 8 * 6 * 3 }, (_, i) => (i * 7919) % 256);
const raw = () => sharp(noise, { raw: { width: 8, height: 6, channels: 3 } });
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#123" }, limitInputPixels: false });

let png: Buffer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "groundsight-"));
  png = await raw().png().toBuffer();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The message of what an image is refused with. */
async function refusal(
  source: unknown,
  limits?: ImageLimits,
  type: typeof DatasetError | typeof InvalidArgumentError = DatasetError,
) {
  const opening = openImage(source as ImageSource, undefined, limits);
  const error = await opening.then(
    () => expect.fail("it was opened"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  return (error as Error).message;
}

describe("an image is its pixels", () => {
  test("the same in PNG, lossless WebP, TIFF, with a profile or a comment, or raw", async () => {
    const sources: ImageSource[] = [
      png,
      await raw().png({ compressionLevel: 0 }).withMetadata().toBuffer(),
      await raw().webp({ lossless: true }).toBuffer(),
      await raw().tiff({ compression: "lzw" }).toBuffer(),
      { data: noise, width: 8, height: 6, channels: 3 },
    ];
    const keys = await Promise.all(sources.map(async (one) => (await openImage(one)).key));
    expect(new Set(keys).size).toBe(1);
    const turned: ImageSource = { data: noise, width: 6, height: 8, channels: 3 };
    expect((await openImage(turned)).key).not.toBe(keys[0]);
  });

  test("known files are not decoded for it again, and give their pixels whenever asked", async () => {
    const opener = new ImageOpener();
    const first = await opener.open(png);
    for (let i = 0; i < 3; i++) {
      const data = Uint8Array.from(noise, (value) => value ^ i);
      await opener.open({ data, width: 8, height: 6, channels: 3 });
    }
    const again = await opener.open(png);
    expect(again.key).toBe(first.key);
    expect([...(await again.decode()).data]).toEqual([...noise]);
  });

  test("what is changed after it was given changes nothing", async () => {
    const data = Uint8Array.from(noise);
    const bytes = Uint8Array.from(png);
    const opened = [
      await openImage({ data, width: 8, height: 6, channels: 3 }),
      await openImage(bytes),
    ];
    data.fill(0);
    bytes.fill(0);
    for (const image of opened) expect([...(await image.decode()).data]).toEqual([...noise]);
  });
});

describe("ways in", () => {
  test("path, Blob, ArrayBuffer, data URLs in base64 and escaped", async () => {
    const path = join(folder, "a.png");
    writeFileSync(path, png);
    const escaped = [...png].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    const sources: ImageSource[] = [
      path,
      new Blob([new Uint8Array(png)]),
      new Uint8Array(png).buffer,
      `DATA:image/png;base64,${png.toString("base64")}`,
      `data:image/png,${escaped}`,
    ];
    for (const source of sources) {
      expect([...(await (await openImage(source)).decode()).data]).toEqual([...noise]);
    }
  });

  test("an empty path and the URL of a Blob are told from a file that is missing", async () => {
    expect(await refusal("")).toBe(
      'cannot read image "": received an empty path; expected the path of a file, or a URL',
    );
    const url = URL.createObjectURL(new Blob([new Uint8Array(png)]));
    for (const source of [url, new URL(url)]) {
      expect(await refusal(source)).toContain("received a blob: URL; expected the Blob itself");
    }
    URL.revokeObjectURL(url);
  });

  test("of a DataView it is said how its bytes are given", async () => {
    const { buffer, byteOffset, byteLength } = new Uint8Array(png);
    const view = new DataView(buffer, byteOffset, byteLength);
    const message = await refusal(view, {}, InvalidArgumentError);
    expect(message).toContain("received DataView");
    expect(message).toContain("new Uint8Array(view.buffer, view.byteOffset, view.byteLength)");
  });

  const one = { width: 1, height: 1, channels: 3 };
  test.each<[string, unknown]>([
    ["floats", { ...one, data: Float32Array.of(0, 0.5, 1) }],
    ["16 bits", { ...one, data: Uint16Array.of(0, 9, 1000) }],
    ["a list", { ...one, data: [1, 2, 3] }],
    ["a Proxy of bytes", { ...one, data: new Proxy(Uint8Array.of(1, 2, 3), {}) }],
    ["no channels", { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) }],
    ["an array of floats alone", Float32Array.of(1)],
    ["nothing", null],
    ["a number", 7],
    ["nested", { data: one, width: {}, height: Symbol("x"), channels: 3 }],
  ])("%s are no pixels", async (_, source) => {
    expect(await refusal(source, {}, InvalidArgumentError)).toContain("Uint8ClampedArray");
  });
});

describe("limits", () => {
  test("a pipe, a device and a folder are refused at once", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(await refusal(pipe)).toContain("not a regular file");
    expect(await refusal("/dev/zero")).toContain("not a regular file");
    expect(await refusal(folder)).toContain("it is a folder");
  });

  test("bytes, whichever way they come", async () => {
    const path = join(folder, "sparse.png");
    writeFileSync(path, "");
    truncateSync(path, 2 ** 33);
    expect(await refusal(path)).toContain("larger than 64 MiB");
    const limits = { maxMiB: 1 / 1024 };
    const bytes = new Uint8Array(2000);
    for (const source of [bytes, bytes.buffer, new Blob([bytes]), `data:,${"a".repeat(4000)}`]) {
      expect(await refusal(source, limits)).toContain("larger than");
    }
  });

  test("pixels, before they are decoded", async () => {
    const large = await blank(2000, 1000).png().toBuffer();
    expect(await refusal(large, { maxMegapixels: 1 })).toContain("2000 x 1000 pixels, more than 1");
    const data = new Uint8Array(300);
    const pixels = { data, width: 10, height: 10, channels: 3 };
    expect(await refusal(pixels, { maxMegapixels: 1e-6 })).toContain("10 x 10 pixels");
  });

  test("thin images, as files and as pixels", async () => {
    for (const [width, height] of [
      [1, 60_000],
      [10_000, 1],
    ] as const) {
      const thin = await blank(width, height).png().toBuffer();
      expect(await refusal(thin)).toContain(`${width} x ${height} pixels; expected one side`);
    }
    const data = new Uint8Array(20_000);
    expect(await refusal({ data, width: 1, height: 20_000, channels: 1 })).toContain("1 x 20000");
  });

  test("SVG and bitmaps are refused by name, with the formats that are read", async () => {
    const svg =
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
    expect(await refusal(Buffer.from(svg))).toMatch(/it is SVG; expected JPEG, PNG, WebP, GIF/);
    expect(await refusal(`data:image/svg+xml,${encodeURIComponent(svg)}`)).toContain("it is SVG");
    expect(await refusal(Buffer.from(`P4\n99999999 1\n`))).toContain("unknown format");
  });

  test("an abort ends whatever is waited for", async () => {
    const aborted = openImage(png, AbortSignal.abort());
    await expect(aborted).rejects.toThrow(AbortedError);
  });

  test.each([
    { maxMib: 1 },
    { maxMiB: -1 },
    { timeoutMs: "1" },
    { allowUrls: 1 },
    null,
    ...["http://a", "a/b", "", "a@b", 1].map((host) => ({ allowedHosts: [host] })),
  ])("limits %j are refused", (limits) => {
    expect(() => imageLimits(limits as ImageLimits)).toThrow(InvalidArgumentError);
  });
});

describe("messages hold no payload and no secret", () => {
  test.each([
    ["data:image/png;base64,SECRETSECRET", "data URL"],
    [`SECRET${"iVBORw0KGgo".repeat(1e5)}SECRET`, "base64 goes into a data URL"],
    ["http://user:SECRET@localhost:1/a.png?token=SECRET", "http://localhost:1/a.png?..."],
    ["ftp://user:SECRET@host/a.png", "scheme ftp"],
    ["http://SECRET@:99999999/", "URL that is none"],
  ])("%#", async (source, expected) => {
    const message = await refusal(source);
    expect(message).not.toContain("SECRET");
    expect(message).toContain(expected);
    expect(message.length).toBeLessThan(300);
  });

  test("base64 of an image that was taken for a path, of every format and length", async () => {
    const gif = await raw().gif().toBuffer();
    const files = [png, gif, await raw().jpeg().toBuffer(), await raw().webp().toBuffer()];
    files.push(await raw().tiff().toBuffer(), await raw().avif().toBuffer());
    const texts = files.map((file) => file.toString("base64"));
    const cut = [42, 150, 250, 3000].flatMap((end) => texts.map((text) => text.slice(0, end)));
    // Changed at its beginning, and in the alphabet for URLs.
    for (const text of [...texts, ...cut, `x${png.toString("base64url")}`.padEnd(201, "x")]) {
      const message = await refusal(text);
      expect(message).toBe(
        "cannot read image given as text: it is too long for a path; base64 goes into a data URL or a Buffer",
      );
    }
  });

  test("names that only look like it are shown", async () => {
    const folder = "images/".repeat(30);
    for (const path of ["iVBORw0KGgo", "/9j/a.png", `${folder}a.png`]) {
      expect(await refusal(path)).toContain(path.slice(0, 40));
      expect(await refusal(path)).toContain("there is no such file");
    }
  });
});

describe("URLs", () => {
  const here = { allowPrivateAddresses: true };
  let base: string;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [, path = "", rest = ""] = /^\/([a-z]*)\/?(.*)$/.exec(request.url ?? "") ?? [];
    if (path === "png") response.end(png);
    if (path === "to") response.writeHead(302, { location: rest }).end();
    if (path === "missing") response.writeHead(404).end();
    if (path === "gzip") response.writeHead(200, { "content-encoding": "gzip" }).end(png);
    if (path === "forever") {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(2 ** 16)));
      };
      response.on("drain", more);
      more();
    }
    // "hang" is never answered.
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("are fetched, in capitals too, and behind redirects", async () => {
    for (const url of [`HTTP://${base}/png`, new URL(`http://${base}/to//png`)]) {
      const { decode } = await openImage(url, undefined, here);
      expect([...(await decode()).data]).toEqual([...noise]);
    }
  });

  test("lead to public addresses only, unless others are allowed", async () => {
    for (const host of [
      base,
      base.replace("127.0.0.1", "localhost"),
      "[::1]:9",
      "169.254.169.254",
    ]) {
      expect(await refusal(`http://${host}/png`)).toContain("is not a public address");
    }
    for (const host of [
      "0x7f.1",
      "[::ffff:10.0.0.1]",
      "0.0.0.0",
      "[fd00::1]",
      "[64:ff9b::a00:1]",
    ]) {
      expect(await refusal(`http://${host}/`)).toContain("is not a public address");
    }
    expect(await refusal(`http://${base}/png`, { allowUrls: false })).toContain("not allowed");
  });

  test("lead to allowed hosts only, behind redirects too", async () => {
    const other = `http://localhost:${base.split(":")[1]}/png`;
    const only = (...allowedHosts: string[]) => ({ ...here, allowedHosts });
    for (const hosts of [["127.0.0.1"], [base], ["a.example", "LOCALHOST", "127.0.0.1"]]) {
      const { decode } = await openImage(`http://${base}/to//png`, undefined, only(...hosts));
      expect([...(await decode()).data]).toEqual([...noise]);
    }
    const refused = "is not one of the hosts";
    expect(await refusal(`http://${base}/png`, only())).toContain(refused);
    expect(await refusal(`http://${base}/png`, only("127.0.0.1:9"))).toContain(refused);
    expect(await refusal(`http://${base}/to/${other}`, only("127.0.0.1"))).toContain(
      `localhost ${refused}`,
    );
  });

  test("that fail tell why", async () => {
    expect(await refusal(`http://${base}/missing`, here)).toContain("answered 404");
    expect(await refusal(`http://${base}/gzip`, here)).toContain("compressed by gzip");
    expect(await refusal("http://127.0.0.1:1/", here)).toContain("ECONNREFUSED");
    expect(await refusal(`http://${base}/to/file:///etc/passwd`, here)).toContain("no web address");
    const round = `http://${base}/to//to//to//to//to//to//to//to/`;
    expect(await refusal(`${round}`, here)).toContain("redirected");
  });

  test("that never end are given up: too many bytes, too long, or aborted", async () => {
    expect(await refusal(`http://${base}/forever`, { ...here, maxMiB: 1 })).toContain(
      "larger than",
    );
    expect(await refusal(`http://${base}/hang`, { ...here, timeoutMs: 50 })).toContain("50 ms");
    const controller = new AbortController();
    const waiting = openImage(`http://${base}/hang`, controller.signal, here);
    setTimeout(() => controller.abort(), 20);
    await expect(waiting).rejects.toThrow(AbortedError);
  });
});

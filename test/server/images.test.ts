import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHandler, type HandlerOptions } from "../../src/server/handler.js";
import { type Json, postChat, question } from "./requests.js";
import { ScriptedInference } from "./scripted-inference.js";

const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
const dataUrl = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
const image = (url: string): object => ({ type: "image_url", image_url: { url } });
const PARAM = "messages[0].content[0].image_url.url";

let models: ScriptedInference;
beforeEach(async () => {
  models = await ScriptedInference.start();
});

/** What the models are given of a chat's images, or its refusal. */
async function given(
  urls: readonly string[],
  options?: HandlerOptions,
): Promise<{ status: number; error?: Json; images: Json[] }> {
  const handler = createHandler(models, options);
  const before = models.chats.length;
  const answering = postChat(handler, question([...urls.map(image), { type: "text", text: "?" }]));
  const reached = models.chatAt(before).then((chat) => {
    chat.end();
    return chat.job.turns.flatMap(({ content }) => content as Json[]);
  });
  const { status, body } = await answering;
  const parts = status === 200 ? await reached : [];
  const images = parts.flatMap((part: Json) => (part.type === "image" ? [part.image] : []));
  return { status, error: body.error, images };
}

describe("images in data URLs", () => {
  test.each([
    dataUrl,
    dataUrl.replace("data:image/png", "DATA:image/svg+xml;charset=utf-8"),
    dataUrl.replaceAll("=", ""),
    dataUrl.replace(/.{2}==$/, "\r\n $&\n"),
  ])("%s are given as their bytes", async (url) => {
    const { images } = await given([url, dataUrl]);
    expect(images.map((bytes) => [...bytes])).toEqual([[...png], [...png]]);
  });

  test.each([
    ["", "an empty text"],
    ["iVBORw0KGgo=", "a text that is no URL"],
    ["/etc/passwd", "a text that is no URL"],
    ["../a.png", "a text that is no URL"],
    ["C:\\a.png", "a URL of scheme C"],
    ["file:///etc/passwd", "a URL of scheme file"],
    ["ftp://a/b.png", "a URL of scheme ftp"],
    ["blob:a", "a URL of scheme blob"],
    ["data:image/png,abc", "another kind"],
    ["data:text/html;base64,aGk=", "another kind"],
    ["data:;base64,aGk=", "another kind"],
    [`data:image/png${";a=b".repeat(1e5)};base64,aGk=`, "another kind"],
    ["data:image/png;base64,", "no base64"],
    ["data:image/png;base64,a*b!", "no base64"],
    ["data:image/png;base64,%61%61%61%61", "no base64"],
    [`data:image/png;base64,${"A".repeat(1e6)}`, "larger than 0.5 MiB"],
    ["http://a.example/a.png", "not fetched from web addresses here"],
    ["HTTPS://a.example/a.png", "not fetched from web addresses here"],
    ["http://", "a URL of scheme http"],
  ])("%# are refused", async (url, message) => {
    const { status, error } = await given([url], { limits: { maxImageMiB: 0.5 } });
    expect(status).toBe(400);
    expect(error).toMatchObject({ param: PARAM, message: expect.stringContaining(message) });
    expect(error.message.length).toBeLessThan(300);
    expect(models.chats).toEqual([]);
  });

  test("are bounded in number", async () => {
    const { error } = await given([dataUrl, dataUrl, dataUrl], { limits: { maxImages: 2 } });
    expect(error).toMatchObject({ param: "messages[0].content[2].image_url.url" });
  });
});

describe("images from web addresses", () => {
  const requested: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    requested.push(url);
    if (url.startsWith("/to/")) response.writeHead(302, { location: url.slice(4) }).end();
    else if (url === "/a.png") response.end(png);
    else if (url === "/missing.png") response.writeHead(404).end();
    // All else is never answered.
  });
  let port: number;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const here: HandlerOptions = { imageHosts: ["127.0.0.1"], privateImageHosts: true };

  test("are fetched where their host is allowed", async () => {
    const url = `http://127.0.0.1:${port}/a.png`;
    const { images } = await given([url, dataUrl, `http://127.0.0.1:${port}/to/${url}`], here);
    expect(images.map((bytes) => [...bytes])).toEqual([[...png], [...png], [...png]]);
  });

  test.each([
    ["http://b.example/a.png", "b.example is not one of the hosts"],
    ["http://127.0.0.1:PORT/to/http://localhost:PORT/a.png", "localhost is not one of the hosts"],
    ["http://127.0.0.1@b.example/a.png", "b.example is not one of the hosts"],
    ["http://127.0.0.1.b.example/a.png", "127.0.0.1.b.example is not one of the hosts"],
    ["http://127.0.0.1:PORT/to/file:///etc/passwd", "no web address"],
    ["http://127.0.0.1:PORT/missing.png", "answered 404"],
  ])("%s is refused", async (url, message) => {
    requested.length = 0;
    const { status, error } = await given([url.replaceAll("PORT", String(port))], here);
    expect(status).toBe(400);
    expect(error).toMatchObject({
      param: PARAM,
      code: "invalid_image_url",
      message: expect.stringContaining(message),
    });
    expect(requested).not.toContain("/a.png");
    expect(models.chats).toEqual([]);
  });

  test.each([
    "127.0.0.1",
    "localhost",
    "[::1]",
    "169.254.169.254",
    "0x7f.1",
    "2130706433",
    "[::ffff:127.0.0.1]",
    "10.0.0.1",
    "0.0.0.0",
  ])("private addresses are refused, whoever allows their name: %s", async (host) => {
    requested.length = 0;
    const { hostname } = new URL(`http://${host}`);
    const url = `http://${host}:${port}/a.png`;
    const { status, error } = await given([url], { imageHosts: [hostname] });
    expect(status).toBe(400);
    expect(error.message).toMatch(/is not a public address; send it as a data: URL$/);
    expect(requested).toEqual([]);
  });

  test("that hang are given up with the request, whose place is free again", async () => {
    const handler = createHandler(models, { ...here, limits: { maxRunning: 1, timeoutMs: 100 } });
    const hanging = question([image(`http://127.0.0.1:${port}/hang`)]);
    expect((await postChat(handler, hanging)).status).toBe(408);
    const next = postChat(handler, question("?"));
    (await models.chatAt(0)).end();
    expect((await next).status).toBe(200);
  });
});

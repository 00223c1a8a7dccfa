import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type ipaddr from "ipaddr.js";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AbortedError, DatasetError, load, type Model } from "../../../src/index.js";
import { openImage } from "../../../src/node/images/open-image.js";
import { CHECKPOINTS } from "../../global-setup.js";

// 127.0.0.1 counts as a public address here, all others as what they are.
vi.mock("ipaddr.js", async (original) => {
  const { default: real } = await original<{ default: typeof ipaddr }>();
  const process = (address: string) =>
    address === "127.0.0.1" ? { range: () => "unicast" } : real.process(address);
  return { default: { ...real, isValid: real.isValid, process } };
});

const requested: string[] = [];
const server = createServer((request, response: ServerResponse) => {
  const url = request.url ?? "";
  requested.push(url);
  if (url.startsWith("/to/")) response.writeHead(302, { location: url.slice(4) }).end();
  // All else is never answered.
});
let port: number;
let model: Model;
beforeAll(async () => {
  server.listen(0);
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
});
afterAll(async () => {
  await model.dispose();
  server.closeAllConnections();
  server.close();
});

test.each(["127.0.0.2", "[::1]"])(
  "a redirect from a public address to %s is refused",
  async (host) => {
    const target = `http://${host}:${port}/private`;
    const opening = openImage(`http://127.0.0.1:${port}/to/${target}`);
    await expect(opening).rejects.toThrow(DatasetError);
    await expect(opening).rejects.toThrow("is not a public address");
    expect(requested).toContain(`/to/${target}`);
    expect(requested).not.toContain("/private");
  },
);

/** A request that the server has got, and the end of its connection. */
async function asked(): Promise<{ closed: Promise<unknown> }> {
  const [request] = await once(server, "request");
  return { closed: once(request.socket, "close") };
}

test("the abort of a request closes the connection that its image comes by", async () => {
  const stop = new AbortController();
  const arrived = asked();
  const image = `http://127.0.0.1:${port}/hang`;
  const answer = model.generate({ prompt: "?", image, signal: stop.signal });
  const { closed } = await arrived;
  stop.abort();
  await expect(answer).rejects.toThrow(AbortedError);
  await closed;
});

test("so does leaving a stream", async () => {
  const arrived = asked();
  const stream = model.stream({ prompt: "?", image: `http://127.0.0.1:${port}/hang` });
  const pieces = stream[Symbol.asyncIterator]() as AsyncGenerator;
  const next = pieces.next();
  const { closed } = await arrived;
  await pieces.return(undefined);
  await expect(stream.answer).rejects.toThrow(AbortedError);
  expect((await next).done).toBe(true);
  await closed;
});

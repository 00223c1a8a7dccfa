import { type LookupAddress, lookup } from "node:dns";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import type { ImageLimits } from "./image-limits.js";
import { imageName } from "./image-name.js";

const MAX_REDIRECTS = 5;

/**
 * The content behind an http(s) URL. Every address on the way is checked as it is connected to, so that neither a redirect
 * nor a name that changes its address leads past the check.
 *
 * @throws Error with a message that says why, without credentials
 */
export async function fetchImage(
  start: URL,
  limits: Required<ImageLimits>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    checkHost(url, limits.allowedHosts);
    const response = await respond(url, limits.allowPrivateAddresses, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
      return body(response, limits.maxMiB);
    }
    response.destroy();
    url = redirected(headers.location, url);
  }
  throw new Error(`it was redirected more than ${MAX_REDIRECTS} times`);
}

/** @throws Error where images may not come from a URL's host */
function checkHost({ protocol, host, hostname }: URL, allowed: readonly string[] | "all"): void {
  if (allowed === "all") return;
  // As URLs write names: in small letters, and beyond ASCII as Punycode.
  const hosts = allowed.map((one) => new URL(`${protocol}//${one}`).host);
  if (hosts.includes(host) || hosts.includes(hostname)) return;
  throw new Error(`${hostname} is not one of the hosts that images may come from`);
}

function redirected(location: string, from: URL): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to !== undefined && /^https?:$/.test(to.protocol)) return to;
  throw new Error(
    `it was redirected to ${imageName(to?.href ?? location)}, which is no web address`,
  );
}

function respond(url: URL, allowPrivate: boolean, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!allowPrivate && isIP(host) !== 0) checkPublic(host, host);
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  const headers = { accept: "image/*", "accept-encoding": "identity", "user-agent": "groundsight" };
  // Not a connection that was opened before: its address would not be checked.
  const options = {
    agent: false,
    headers,
    signal,
    ...(allowPrivate ? {} : { lookup: publicOnly }),
  };
  return new Promise((resolve, reject) => {
    get(url, options, resolve).on("error", (cause: NodeJS.ErrnoException) => {
      // A failure of several addresses has a code, but no message.
      reject(cause.message === "" ? new Error(String(cause.code), { cause }) : cause);
    });
  });
}

const publicOnly: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, []);
    try {
      for (const { address } of addresses) checkPublic(address, host);
    } catch (refusal) {
      return callback(refusal as Error, []);
    }
    const [{ address, family }] = addresses as [LookupAddress];
    if (options.all === true) callback(null, addresses);
    else callback(null, address, family);
  });
};

function checkPublic(address: string, host: string): void {
  if (ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast") return;
  throw new Error(
    `${host} is not a public address; save the image and give its path, or load the model with images: { allowPrivateAddresses: true }`,
  );
}

async function body(response: IncomingMessage, maxMiB: number): Promise<Uint8Array> {
  const maxBytes = maxMiB * 2 ** 20;
  const { statusCode, headers } = response;
  try {
    if (statusCode !== 200) throw new Error(`the server answered ${statusCode}`);
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") throw new Error(`the server sent it compressed by ${encoding}`);
    const tooLarge = `it is larger than ${maxMiB} MiB`;
    if (Number(headers["content-length"]) > maxBytes) throw new Error(tooLarge);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(tooLarge);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    response.destroy();
  }
}

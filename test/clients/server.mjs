// What the scripts here share: the server that they are given, and an image.
import { readFileSync } from "node:fs";

/** For example http://127.0.0.1:8000 */
export const url = process.env.GROUNDSIGHT_URL;
export const baseURL = `${url}/v1`;
export const apiKey = process.env.GROUNDSIGHT_API_KEY;
/** A couch, a book and more, as a data URL. */
export const image = `data:image/png;base64,${readFileSync(process.env.GROUNDSIGHT_IMAGE).toString("base64")}`;

/** A figure of the server's metrics. */
export async function metric(name) {
  const response = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const line = (await response.text()).split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

import { timingSafeEqual } from "hono/utils/buffer";
import { InvalidArgumentError } from "../core.js";
import { ApiError } from "./api-error.js";

/**
 * Lets requests pass that carry one of some keys (`Authorization: Bearer`). All are compared, each in a time that does not
 * depend on what they have in common.
 *
 * @param keys none where every request passes
 * @throws InvalidArgumentError for keys that no header can carry
 */
export function keyCheck(keys: readonly string[]): (request: Request) => Promise<void> {
  if (keys.some((key) => !/^[\x21-\x7e]+$/.test(key))) {
    throw new InvalidArgumentError(
      "apiKeys: received one with spaces or letters beyond ASCII, or an empty one; expected visible ASCII characters",
    );
  }
  return async ({ headers }) => {
    if (keys.length === 0) return;
    const given = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    const equal = await Promise.all(keys.map((key) => timingSafeEqual(given ?? "", key)));
    if (equal.includes(true)) return;
    throw new ApiError(
      given === undefined
        ? "no API key; send it as the header 'Authorization: Bearer <key>'"
        : "the API key is wrong",
      {
        status: 401,
        code: "invalid_api_key",
        headers: { "www-authenticate": "Bearer" },
      },
    );
  };
}

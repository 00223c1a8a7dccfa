import { checkNames } from "../../arguments/check-names.js";
import { numberIn } from "../../arguments/numbers.js";
import { InvalidArgumentError } from "../../errors.js";

/** What images may ask for, whichever way they come in. */
export interface ImageLimits {
  /** Most pixels of an image, in millions; a larger one is refused before it is decoded. Default 100. */
  readonly maxMegapixels?: number;
  /** Largest file, download or data URL, in MiB. Default 64. */
  readonly maxMiB?: number;
  /** Longest time for reading and again for decoding an image, in milliseconds. Default 30 000. */
  readonly timeoutMs?: number;
  /** Whether http: and https: URLs are fetched. Default true. */
  readonly allowUrls?: boolean;
  /** Hosts that URLs and their redirects may lead to, by name, or name and port. Default "all". */
  readonly allowedHosts?: readonly string[] | "all";
  /** Whether URLs may lead to loopback, private, link-local and other addresses that are not public. Default false. */
  readonly allowPrivateAddresses?: boolean;
}

const DEFAULTS = {
  maxMegapixels: 100,
  maxMiB: 64,
  timeoutMs: 30_000,
  allowUrls: true,
  allowedHosts: "all",
  allowPrivateAddresses: false,
} as const satisfies Required<ImageLimits>;

/** Longest side over the shortest; more is refused, since resizing by the shorter edge would make millions of pixels. */
export const MAX_ASPECT_RATIO = 50;

/**
 * The limits with their defaults.
 *
 * @throws InvalidArgumentError naming the limit, what was received and what is expected
 */
export function imageLimits(given: ImageLimits = {}): Required<ImageLimits> {
  if (typeof given !== "object" || given === null) {
    throw new InvalidArgumentError(`images: received ${given}; expected an object of limits`);
  }
  checkNames(given, Object.keys(DEFAULTS), "images has no limit");
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const limits = { ...DEFAULTS, ...Object.fromEntries(present) } as Required<ImageLimits>;
  numberIn("images.maxMegapixels", limits.maxMegapixels, Number.MIN_VALUE, 1000);
  numberIn("images.maxMiB", limits.maxMiB, Number.MIN_VALUE, 2000);
  numberIn("images.timeoutMs", limits.timeoutMs, 1, 2 ** 31 - 1);
  for (const name of ["allowUrls", "allowPrivateAddresses"] as const) {
    if (typeof limits[name] !== "boolean") {
      throw new InvalidArgumentError(
        `images.${name}: received ${typeof limits[name]}; expected true or false`,
      );
    }
  }
  const { allowedHosts: hosts } = limits;
  if (hosts !== "all" && !(Array.isArray(hosts) && hosts.every(isHost))) {
    throw new InvalidArgumentError(
      `images.allowedHosts: received ${JSON.stringify(hosts)}; expected "all", or names of hosts without a scheme, such as images.example.org`,
    );
  }
  return limits;
}

/** Whether a text is a host as URLs have it, with or without its port. */
function isHost(text: unknown): boolean {
  return (
    typeof text === "string" &&
    URL.canParse(`https://${text}`) &&
    /^https:\/\/[^/?#@]+\/$/.test(new URL(`https://${text}`).href) &&
    !/[/?#@]/.test(text)
  );
}

/** Longest name that is shown whole. */
const LONGEST = 200;

/** Longest text that can be a path. */
export const LONGEST_PATH = 4096;

/** How the formats that are read begin in base64; and SVG. */
const BASE64_START = /^(iVBORw0KGgo|\/9j\/|UklGR|R0lGOD|SUkq|SUkr|TU0AK|AAAA..Z0eX|PHN2Zy)/;

/**
 * Whether a text is an image in base64 that was taken for a path: it begins like one, or is long and has no character that
 * base64 has not, where a path has a dot.
 */
export function isBase64(source: string): boolean {
  if (!/^[\w+/=-]+$/.test(source)) return false;
  return source.length > LONGEST || (source.length > 40 && BASE64_START.test(source));
}

/** How messages name an image: never by its data, and a URL without credentials or query. */
export function imageName(source: string): string {
  if (source === "") return '""';
  if (isBase64(source)) return "given as text";
  const printable = withoutSecrets(source).replace(/\p{Cc}/gu, "?");
  if (printable.length <= LONGEST) return printable;
  if (source.length > LONGEST_PATH) return "given as text";
  return `${printable.slice(0, 40)}... (${source.length} characters)`;
}

function withoutSecrets(source: string): string {
  if (/^data:/i.test(source)) return "data URL";
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return source;
  try {
    const { protocol, host, pathname, search } = new URL(source);
    return `${protocol}//${host}${pathname}${search === "" ? "" : "?..."}`;
  } catch {
    return `${source.slice(0, source.indexOf(":"))}: URL that is none`;
  }
}

/** Longest name that is shown whole. */
const LONGEST = 200;

/** Longest text that can be a path. */
export const LONGEST_PATH = 4096;

/** How messages name an image: never by its data, and a URL without credentials or query. */
export function imageName(source: string): string {
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

/**
 * A value of a query as JSON knows it: integers beyond 2^53 become text, since a number would round them;
 * bytes become hex; lists, structs and maps are gone through.
 */
export function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plainValue);
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, plainValue(own)]));
}

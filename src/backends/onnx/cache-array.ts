/** Element array of a cache: Float32Array, or the runtime's stand-in for float16. */
export type CacheArray = Float32Array | Uint16Array;

/** Makes such an array. */
export interface CacheArrayType {
  new (length: number): CacheArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** What elements of a tensor's type are kept in. */
export function cacheArrayType(type: string): CacheArrayType {
  return type === "float16" ? Uint16Array : Float32Array;
}

/** Numbers with a shape, independent of any runtime. */
export interface TensorData<
  Data extends Float32Array | BigInt64Array | Int32Array | Uint8Array = Float32Array,
> {
  readonly data: Data;
  readonly dims: readonly number[];
}

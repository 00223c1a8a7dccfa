import { type InferenceSession, Tensor } from "onnxruntime-common";
import type { Session, Tensors } from "../../src/backends/onnx/runtime.js";

/**
 * A device as onnxruntime-node 1.30 has it for WebGPU: outputs named `present.*` are tensors of location gpu-buffer, which
 * can be fed again and freed, no more. What ends the process there is an error here: a download, a tensor that is fed
 * after it was freed, and one that is freed after its session or twice.
 */
export class FakeDevice {
  /** Tensors on the device, with the numbers that only it can read. */
  readonly #content = new Map<Tensor, { readonly tensor: Tensor; readonly session: Session }>();
  readonly #released = new Set<Session>();
  /** What was done that ends the process. */
  readonly faults: string[] = [];
  /** Most tensors that were there at once. */
  peak = 0;

  /** Tensors that are there. */
  get live(): number {
    return this.#content.size;
  }

  /** A session on the device, from one on the host. */
  session(host: Session): Session {
    const session: Session = {
      ...host,
      run: (async (feeds: Tensors) => {
        if (this.#released.has(session)) this.#fail("ran a session that was released");
        const onHost = Object.entries(feeds).map(([name, tensor]) => [name, this.#read(tensor)]);
        const outputs: Tensors = await host.run(Object.fromEntries(onHost));
        const placed = Object.entries(outputs).map(([name, tensor]) => [
          name,
          name.startsWith("present.") ? this.#place(tensor, session) : tensor,
        ]);
        return Object.fromEntries(placed);
      }) as InferenceSession["run"],
      release: async () => {
        this.#released.add(session);
      },
    };
    return session;
  }

  #read(tensor: Tensor): Tensor {
    if (tensor.location === "cpu") return tensor;
    return this.#content.get(tensor)?.tensor ?? this.#fail("fed a tensor that was freed");
  }

  #place({ type, dims, data }: Tensor, session: Session): Tensor {
    const dataType = type as "float32" | "float16";
    const placed = Tensor.fromGpuBuffer({ label: "WebGPU_Buf" } as never, {
      dataType,
      dims,
      download: async () => this.#fail("downloaded a tensor"),
      dispose: () => {
        if (this.#released.has(session)) this.#fail("freed a tensor behind its session");
        if (!this.#content.delete(placed)) this.#fail("freed a tensor twice");
      },
    });
    const copy = new Tensor(dataType as "float32", (data as Float32Array).slice(), dims);
    this.#content.set(placed, { tensor: copy, session });
    this.peak = Math.max(this.peak, this.#content.size);
    return placed;
  }

  #fail(what: string): never {
    this.faults.push(what);
    throw new Error(what);
  }
}

/** Runs a .tflite with LiteRT.js: WebAssembly with XNNPACK's kernels, or WebGPU where there is one. */

import { type CompiledModel, Environment, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { PoseMaps } from "./decoder/decode";
import type { PoseMap } from "./decoder/peaks";
import { resized, type Size } from "./resizing";
import { hasSimd } from "./simd";
import type { PoseSpec } from "./spec";

/** Where the network runs. */
export type Accelerator = "wasm" | "webgpu";

/** The message of a browser without WebAssembly SIMD. */
export const NO_SIMD =
  "This browser has no WebAssembly SIMD, which the network needs: use Chrome or Edge 91, Firefox 89, Safari 16.4, " +
  "or a newer one.";

let loaded: Promise<unknown> | null = null;
let environment: Promise<Environment> | null = null;

/**
 * Loads LiteRT.js once.
 *
 * @param folder address of its `wasm` folder, which is served with the page.
 * @throws Error there is no WebAssembly SIMD, or the folder has not its files.
 */
export async function loadRuntime(folder: string, accelerator: Accelerator): Promise<void> {
  if (!hasSimd()) throw new Error(NO_SIMD);
  loaded ??= loadLiteRt(folder.endsWith("/") ? folder : `${folder}/`, { threads: canShareMemory() });
  try {
    await loaded;
    // Without a device LiteRT.js asks for WebGPU at every start and complains where there is none.
    environment ??= Environment.create(accelerator === "webgpu" ? {} : { webGpuDevice: null });
    await environment;
  } catch (error) {
    loaded = environment = null; // the next call tries again
    throw new Error(`LiteRT.js could not be loaded from ${folder}: ${String(error)}`);
  }
}

/** Threads need memory that workers share, which browsers give pages that are isolated only. */
function canShareMemory(): boolean {
  return globalThis.crossOriginIsolated === true && (globalThis.navigator?.hardwareConcurrency ?? 1) > 1;
}

/** One model; compiled for one input size at a time. */
export class Network {
  private compiled: CompiledModel | null = null;
  private size: Size | null = null;

  /**
   * @param file the whole .tflite.
   * @param spec the file's spec.
   */
  constructor(
    private readonly file: Uint8Array,
    private readonly spec: PoseSpec,
    private readonly accelerator: Accelerator,
  ) {}

  /**
   * Runs the network once.
   *
   * @param pixels (h, w, 3) RGB, 0..255.
   * @param size h and w.
   * @returns the maps.
   */
  async run(pixels: Uint8Array<ArrayBuffer>, size: Size): Promise<PoseMaps> {
    const model = await this.at(size);
    const shape = [1, size.height, size.width, 3];
    const input = Tensor.fromTypedArray(this.values(pixels, model), shape, await envOf());
    try {
      const outputs = await model.run([input]);
      const details = model.getOutputDetails();
      const maps: Record<string, PoseMap> = {};
      for (const [index, { name, shape }] of details.entries()) {
        maps[name] = await toMap(outputs[index], shape);
        outputs[index].delete();
      }
      return { heatmaps: maps.heatmaps, pafs: maps.pafs };
    } finally {
      input.delete();
    }
  }

  /** Frees the memory of the compiled model. */
  close(): void {
    this.compiled?.delete();
    this.compiled = this.size = null;
  }

  /** The model, compiled for a size. */
  private async at(size: Size): Promise<CompiledModel> {
    if (this.compiled && this.size?.height === size.height && this.size.width === size.width) return this.compiled;
    this.close();
    const { height, width } = this.spec.image;
    const fits = size.height === height && size.width === width;
    const file = fits ? this.file : resized(this.file, this.spec.image, size);
    this.compiled = await loadAndCompile(file, {
      accelerator: this.accelerator,
      environment: await envOf(),
      cpuOptions: { numThreads: canShareMemory() ? Math.min(4, navigator.hardwareConcurrency) : 1 },
    });
    this.size = size;
    return this.compiled;
  }

  private values(pixels: Uint8Array<ArrayBuffer>, model: CompiledModel): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
    const [{ dtype }] = model.getInputDetails();
    if (dtype === "uint8") return pixels;
    const { scale } = this.spec.image;
    return Float32Array.from(pixels, (value) => value * scale);
  }
}

async function envOf(): Promise<Environment> {
  if (!environment) throw new Error("LiteRT.js is not loaded");
  return environment;
}

/** A copy of an output (1, h, w, C). */
async function toMap(tensor: Tensor, [, height, width, channels]: Int32Array): Promise<PoseMap> {
  const data = await tensor.data();
  return { data: data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>), height, width, channels };
}

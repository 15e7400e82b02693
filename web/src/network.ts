/** Runs a .tflite with LiteRT.js: WebAssembly with XNNPACK's kernels, or WebGPU where there is one. */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
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

const THREADED = "litert_wasm_threaded_internal.js";

let loaded: Promise<unknown> | null = null;

/**
 * Loads LiteRT.js once.
 *
 * @param address of its folder `wasm`, which is served with the page.
 * @throws Error there is no WebAssembly SIMD, or the folder has not its files.
 */
export async function loadRuntime(address: string): Promise<void> {
  if (!hasSimd()) throw new Error(NO_SIMD);
  const folder = address.endsWith("/") ? address : `${address}/`;
  loaded ??= load(folder);
  try {
    await loaded;
  } catch (error) {
    loaded = null; // the next call tries again
    throw new Error(`LiteRT.js could not be loaded from ${folder}: ${String(error)}`);
  }
}

async function load(folder: string): Promise<void> {
  // In a worker the loader looks for its files beside the worker's script: say where they are.
  Object.assign(globalThis, {
    Module: { locateFile: (name: string) => folder + name, mainScriptUrlOrBlob: folder + THREADED },
  });
  if (threads() > 1) {
    try {
      await loadLiteRt(folder, { threads: true });
      return;
    } catch (error) {
      console.info(`tfpose runs on one thread: ${String(error)}`); // as without relaxed SIMD
      single = true;
    }
  }
  await loadLiteRt(folder);
}

let single = false;

/** Threads need memory that workers share, which browsers give pages that are isolated only. */
function threads(): number {
  if (single || globalThis.crossOriginIsolated !== true) return 1;
  return Math.min(4, globalThis.navigator?.hardwareConcurrency ?? 1);
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
    const input = Tensor.fromTypedArray(this.values(pixels, model), shape);
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
      cpuOptions: { numThreads: threads() },
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

/** A copy of an output (1, h, w, C). */
async function toMap(tensor: Tensor, [, height, width, channels]: Int32Array): Promise<PoseMap> {
  const data = await tensor.data();
  return { data: data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>), height, width, channels };
}

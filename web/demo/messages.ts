/** What the page and its worker send each other. */

import type { Poses } from "../src/poses";

/** To the worker. `open` comes first and once. */
export type Request =
  | { kind: "open"; model: string; wasm: string; accelerator: "wasm" | "webgpu"; height: number }
  | { kind: "height"; height: number }
  | { kind: "restart" }
  | { kind: "frame"; ticket: number; frame: ImageBitmap; minScore: number; time: number | null };

/** From the worker. A frame comes back with its people, so that it can be drawn with them. */
export type Answer =
  | { kind: "ready" }
  | { kind: "poses"; ticket: number; frame: ImageBitmap; poses: Poses }
  | { kind: "failed"; ticket: number | null; message: string };

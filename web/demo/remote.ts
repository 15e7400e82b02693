/** The estimator's worker as the page sees it: promises instead of messages. */

import type { Poses } from "../src/poses";
import type { Answer, Request } from "./messages";

/** A frame and the people on it. */
export interface Seen {
  readonly frame: ImageBitmap;
  readonly poses: Poses;
}

interface Waiting {
  resolve(seen: Seen): void;
  reject(error: Error): void;
}

/** An estimator in a worker of its own; `close` ends it with its memory. */
export class RemoteEstimator {
  readonly ready: Promise<void>;
  private readonly worker = new Worker("worker.js");
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  /**
   * @param model name of a file in `models`.
   * @param height base height of the network's input, pixels.
   */
  constructor(model: string, accelerator: "wasm" | "webgpu", height: number) {
    const at = (path: string): string => new URL(path, document.baseURI).href;
    this.ready = new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === "ready") resolve();
        else if (data.kind === "failed" && data.ticket === null) reject(new Error(data.message));
        else this.settle(data);
      };
      this.worker.onerror = (event) => {
        const error = new Error(event.message || "the network's worker could not be loaded");
        reject(error);
        this.fail(error);
      };
    });
    this.ready.catch(() => undefined); // whoever awaits it is told
    this.send({ kind: "open", model: at(`models/${model}.tflite`), wasm: at("wasm/"), accelerator, height });
  }

  /** Forgets the people of the frames before. */
  restart(): void {
    this.send({ kind: "restart" });
  }

  /** Another base height, from the next frame on. */
  setHeight(height: number): void {
    this.send({ kind: "height", height });
  }

  /**
   * Finds the people on a frame, which goes to the worker and comes back.
   *
   * @param time of the frame in seconds, for tracking; null for a single picture.
   */
  estimate(frame: ImageBitmap, minScore: number, time: number | null): Promise<Seen> {
    const ticket = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(ticket, { resolve, reject });
      this.send({ kind: "frame", ticket, frame, minScore, time }, [frame]);
    });
  }

  close(): void {
    this.worker.terminate();
    this.fail(new Error("the network was closed"));
  }

  private send(request: Request, transfer: Transferable[] = []): void {
    this.worker.postMessage(request, transfer);
  }

  private settle(answer: Exclude<Answer, { kind: "ready" }>): void {
    const waiting = this.waiting.get(answer.ticket ?? -1);
    this.waiting.delete(answer.ticket ?? -1);
    if (answer.kind === "poses") waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.message));
  }

  private fail(error: Error): void {
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}

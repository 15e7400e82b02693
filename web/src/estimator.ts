/** From a picture, video or camera to people: the package's PoseEstimator in the browser. */

import { decode } from "./decoder/decode";
import { inputSize, type Letterbox, letterbox, Preparer, sizeOf, type Source, toPicture } from "./letterbox";
import { type Accelerator, loadRuntime, Network } from "./network";
import { Follower } from "./people/follower";
import type { Person, Poses } from "./poses";
import type { Size } from "./resizing";
import { type PoseSpec, readSpec } from "./spec";

/** How an estimator is made. */
export interface EstimatorOptions {
  /** Address or bytes of a .tflite of `tfpose export`; `tfpose/models/tfpose_s.tflite` is in the package. */
  readonly model: string | URL | Uint8Array;
  /** Address of the folder `wasm` of @litertjs/core, served with your page. */
  readonly wasm: string;
  /** "wasm" by default; "webgpu" wants a model in floating point. */
  readonly accelerator?: Accelerator;
  /** Base height of the input in pixels, rounded up to the model's multiple; the model's own by default. */
  readonly height?: number;
}

/** How a picture is looked at. */
export interface EstimateOptions {
  /** Lowest score of a person, 0..1; 0.2 by default, as of `tfpose predict`. */
  readonly minScore?: number;
  /** Of a frame of a video, in seconds: people get an `id` and are smoothed. */
  readonly time?: number;
}

export const MIN_SCORE = 0.2;

/** Finds people in pictures; everything happens on this machine. */
export class PoseEstimator {
  private readonly preparer = new Preparer();
  private follower: Follower;
  private base: number;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    /** The model's spec: its skeleton, its input and how its maps are read. */
    readonly spec: PoseSpec,
    private readonly network: Network,
    height: number | undefined,
  ) {
    this.follower = new Follower(spec.skeleton);
    this.base = this.rounded(height ?? spec.image.height);
  }

  /**
   * Loads LiteRT.js and the model.
   *
   * @throws Error no WebAssembly SIMD, a file that is missing or carries no spec.
   */
  static async create({ model, wasm, accelerator = "wasm", height }: EstimatorOptions): Promise<PoseEstimator> {
    const [file] = await Promise.all([bytes(model), loadRuntime(wasm)]);
    const spec = readSpec(file);
    return new PoseEstimator(spec, new Network(file, spec, accelerator), height);
  }

  /** Base height of the network's input, pixels. */
  get height(): number {
    return this.base;
  }

  set height(pixels: number) {
    this.base = this.rounded(pixels);
  }

  /**
   * Finds the people of one picture; calls that come at once take turns.
   *
   * @param source a video, camera, image, canvas, bitmap, frame or pixels.
   * @returns people in pixels of the picture, best first.
   * @throws Error the source has no picture yet.
   */
  estimate(source: Source, options: EstimateOptions = {}): Promise<Poses> {
    const estimated = this.turn.then(() => this.look(source, options));
    this.turn = estimated.catch(() => undefined);
    return estimated;
  }

  /** Forgets the people of the frames before: the next frame is of another video. */
  restart(): void {
    this.follower = new Follower(this.spec.skeleton);
  }

  /** Frees the network's memory, after the calls that wait; the estimator can't be used after it. */
  async close(): Promise<void> {
    await this.turn;
    this.network.close();
  }

  private async look(source: Source, { minScore = MIN_SCORE, time }: EstimateOptions): Promise<Poses> {
    const begin = performance.now();
    const picture = sizeOf(source);
    const fit = letterbox(picture, inputSize(picture, this.spec.image, this.base));
    const pixels = this.preparer.prepare(source, picture, fit);
    const prepared = performance.now();
    const maps = await this.network.run(pixels, fit);
    const answered = performance.now();
    const found = decode(maps, this.spec)
      .filter((person) => person.score >= minScore)
      .map((person) => onPicture(person, fit, picture));
    const people = time === undefined ? found : this.follower.follow(found, time);
    return {
      model: this.spec.model,
      skeleton: this.spec.skeleton,
      ...picture,
      people,
      times: { prepare: prepared - begin, network: answered - prepared, decode: performance.now() - answered },
    };
  }

  private rounded(height: number): number {
    const { flexible, height: own, multiple } = this.spec.image;
    if (!flexible && height !== own) throw new Error(`${this.spec.model} takes inputs of height ${own} only`);
    if (!(height >= 1)) throw new RangeError(`height must be at least 1 pixel, found ${height}`);
    return Math.ceil(height / multiple) * multiple;
  }
}

function onPicture(person: Person, fit: Letterbox, picture: Size): Person {
  return {
    ...person,
    keypoints: person.keypoints.map((one) => one && { ...toPicture(one.x, one.y, fit, picture), score: one.score }),
  };
}

async function bytes(model: string | URL | Uint8Array): Promise<Uint8Array> {
  if (model instanceof Uint8Array) return model;
  const answer = await fetch(model);
  if (!answer.ok) throw new Error(`the model ${String(model)} could not be loaded: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

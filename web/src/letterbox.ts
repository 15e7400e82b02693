/**
 * Fits a whole picture into the network's input: aspect ratio kept, padded with grey;
 * `estimator/inputs/preprocess.py` and `estimator/geometry.py`.
 *
 * The browser's canvas interpolates, not OpenCV's cubic: keypoints differ by fractions of a pixel.
 */

import type { PoseSpec } from "./spec";
import type { Size } from "./resizing";

/** What a canvas can draw. */
export type Source = HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | VideoFrame | ImageData;

const GREY = "rgb(128 128 128)";
const MAX_ASPECT = 4; // an input is at most this many base heights wide

/** How a picture lies in the input. */
export interface Letterbox extends Size {
  readonly innerHeight: number;
  readonly innerWidth: number;
  readonly top: number;
  readonly left: number;
}

/**
 * The size of the input for a picture: the base height and the picture's aspect ratio, both sides
 * rounded up to the multiple; of a fixed graph the file's.
 *
 * @param base height of the input in pixels, a multiple of the spec's.
 */
export function inputSize(picture: Size, image: PoseSpec["image"], base: number): Size {
  if (!image.flexible) return { height: image.height, width: image.width };
  const factor = Math.min(base / picture.height, (MAX_ASPECT * base) / picture.width);
  const roundUp = (length: number): number => Math.max(1, Math.ceil(length / image.multiple - 1e-6)) * image.multiple;
  return { height: roundUp(picture.height * factor), width: roundUp(picture.width * factor) };
}

/** Fits a picture, centred, into an input. */
export function letterbox(picture: Size, input: Size): Letterbox {
  const factor = Math.min(input.height / picture.height, input.width / picture.width);
  const inner = (length: number, most: number): number => Math.min(most, Math.max(1, roundHalfEven(length * factor)));
  const innerHeight = inner(picture.height, input.height);
  const innerWidth = inner(picture.width, input.width);
  return {
    ...input,
    innerHeight,
    innerWidth,
    top: Math.floor((input.height - innerHeight) / 2),
    left: Math.floor((input.width - innerWidth) / 2),
  };
}

/** Python's rounding: halves go to the even neighbour. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return value % 1 === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** A point of the input in pixels of the picture: pixel edges, not centres, stay in place. */
export function toPicture(x: number, y: number, fit: Letterbox, picture: Size): { x: number; y: number } {
  return {
    x: ((x + 0.5 - fit.left) * picture.width) / fit.innerWidth - 0.5,
    y: ((y + 0.5 - fit.top) * picture.height) / fit.innerHeight - 0.5,
  };
}

/**
 * The height and width of what is drawn.
 *
 * @throws Error there is no picture yet, as of a video before its first frame.
 */
export function sizeOf(source: Source): Size {
  const wide = source as { videoWidth?: number; naturalWidth?: number; displayWidth?: number; width?: number };
  const high = source as { videoHeight?: number; naturalHeight?: number; displayHeight?: number; height?: number };
  const width = wide.videoWidth ?? wide.naturalWidth ?? wide.displayWidth ?? wide.width ?? 0;
  const height = high.videoHeight ?? high.naturalHeight ?? high.displayHeight ?? high.height ?? 0;
  if (!(width > 0 && height > 0)) throw new Error("the source has no picture yet: wait for its first frame");
  return { height, width };
}

/** Draws pictures into inputs; keeps its canvas from call to call. */
export class Preparer {
  private canvas: OffscreenCanvas | null = null;

  /**
   * The network's input.
   *
   * @returns (h, w, 3) RGB, 0..255, in the order y, x, channel.
   */
  prepare(source: Source, picture: Size, fit: Letterbox): Uint8Array<ArrayBuffer> {
    if (this.canvas?.width !== fit.width || this.canvas.height !== fit.height) {
      this.canvas = new OffscreenCanvas(fit.width, fit.height);
    }
    const context = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    if (!context) throw new Error("this browser gives no 2D canvas to draw pictures on");
    context.fillStyle = GREY;
    context.fillRect(0, 0, fit.width, fit.height);
    context.imageSmoothingQuality = "high";
    const drawn = source instanceof ImageData ? onCanvas(source) : source;
    context.drawImage(drawn, 0, 0, picture.width, picture.height, fit.left, fit.top, fit.innerWidth, fit.innerHeight);
    return withoutAlpha(context.getImageData(0, 0, fit.width, fit.height).data);
  }
}

function onCanvas(pixels: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  return canvas;
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
  return rgb;
}

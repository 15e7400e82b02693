/**
 * Peaks of heatmaps: local maxima, refined to a fraction of a cell; `estimator/decoders/paf/peaks.py`.
 *
 * A peak is close to the Gaussian that the network was trained on, whose logarithm is a parabola:
 * three cells per axis give its maximum.
 */

/** One output of the network: values in the order y, x, channel. */
export interface PoseMap {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A peak in map cells; the centre of the first cell is 0, 0. */
export interface Peak {
  readonly x: number;
  readonly y: number;
  /** Height of the refined peak, about 0..1. */
  readonly score: number;
  readonly channel: number;
}

/** Peaks, channel after channel, the highest of a channel first. */
export interface Peaks {
  readonly all: readonly Peak[];
  /** K + 1 entries: channel k owns the peaks start[k] to start[k + 1]. */
  readonly start: readonly number[];
}

const FLOOR = 0.01; // networks give values slightly below 0, which have no logarithm
const CEILING = 100;

/**
 * Finds the local maxima (of 3x3 cells) of the first channels.
 *
 * @param heatmaps the network's heatmaps.
 * @param count number of channels that are keypoints, K.
 * @param threshold the cell of a peak is above this.
 * @param limit maximum number of peaks per channel; the highest are kept.
 */
export function findPeaks(heatmaps: PoseMap, count: number, threshold: number, limit: number): Peaks {
  const { data, height, width, channels } = heatmaps;
  const found: Peak[][] = Array.from({ length: count }, () => []);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += channels) {
      for (let channel = 0; channel < count; channel++) {
        if (data[at + channel] > threshold && isPeak(heatmaps, x, y, channel)) {
          found[channel].push(refine(heatmaps, x, y, channel));
        }
      }
    }
  }
  const start = [0];
  const all: Peak[] = [];
  for (const peaks of found) {
    peaks.sort((one, other) => other.score - one.score); // stable: equal ones stay in reading order
    all.push(...peaks.slice(0, limit));
    start.push(all.length);
  }
  return { all, start };
}

/**
 * A cell is a peak if it is above its neighbours before it in reading order and not below those after
 * it: of adjacent equal cells, which quantised maps have, the first one counts.
 */
function isPeak({ data, height, width, channels }: PoseMap, x: number, y: number, channel: number): boolean {
  const here = data[(y * width + x) * channels + channel];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      if (row === y && column === x) continue;
      const there = data[(row * width + column) * channels + channel];
      const before = row < y || (row === y && column < x);
      if (before ? there >= here : there > here) return false;
    }
  }
  return true;
}

/** The maximum of the Gaussian between the cells, at most half a cell away along each axis. */
function refine({ data, height, width, channels }: PoseMap, x: number, y: number, channel: number): Peak {
  const at = (y * width + x) * channels + channel;
  const middle = logarithm(data[at]);
  const place = [x, y];
  let top = middle;
  for (const [axis, step, cell, size] of [
    [0, channels, x, width],
    [1, channels * width, y, height],
  ]) {
    if (cell < 1 || cell >= size - 1) continue; // a neighbour is missing: the middle of the cell
    const lower = logarithm(data[at - step]);
    const upper = logarithm(data[at + step]);
    const bend = Math.min(lower + upper - 2 * middle, -1e-6);
    const slope = upper - lower;
    place[axis] += Math.min(0.5, Math.max(-0.5, -slope / (2 * bend)));
    top -= slope ** 2 / (8 * bend);
  }
  return { x: place[0], y: place[1], score: Math.exp(top), channel };
}

/** The logarithm of a height clipped to FLOOR and CEILING; NaN counts as FLOOR. */
function logarithm(height: number): number {
  return Math.log(height > FLOOR ? Math.min(height, CEILING) : FLOOR);
}

/** Maps and specs that are drawn, so that a test's expected values are known. */

import type { PoseMaps } from "../src/decoder/decode";
import { DEFAULTS, type PoseSpec } from "../src/spec";

/** A stick of three keypoints: head, hip, foot. */
export const STICK: PoseSpec = {
  model: "stick",
  skeleton: {
    name: "stick",
    keypoints: ["head", "hip", "foot"],
    limbs: [[0, 1], [1, 2]],
    redundant_limbs: [],
    sigmas: [0.05, 0.1, 0.09],
  },
  image: { height: 160, width: 240, multiple: 8, flexible: true, scale: 1 },
  outputs: { stride: 8, background: false },
  decoder: DEFAULTS,
};

export type Place = readonly [number, number];

/**
 * Draws people: a Gaussian of one cell and height 0.9 at each keypoint, and a unit field along limbs.
 *
 * @param people x, y of head, hip and foot in map cells.
 */
export function draw(people: readonly (readonly Place[])[], height = 20, width = 30): PoseMaps {
  const heatmaps = new Float32Array(height * width * 3);
  const pafs = new Float32Array(height * width * 4);
  for (const places of people) {
    places.forEach(([x, y], channel) => {
      for (let cell = 0; cell < height * width; cell++) {
        const squared = ((cell % width) - x) ** 2 + (Math.floor(cell / width) - y) ** 2;
        const at = cell * 3 + channel;
        heatmaps[at] = Math.max(heatmaps[at], 0.9 * Math.exp(-squared / 2));
      }
    });
    STICK.skeleton.limbs.forEach(([from, to], limb) => drawField(pafs, width, places[from], places[to], limb));
  }
  return { heatmaps: { data: heatmaps, height, width, channels: 3 }, pafs: { data: pafs, height, width, channels: 4 } };
}

/** A unit vector in every cell within one cell of the segment. */
function drawField(pafs: Float32Array, width: number, [fromX, fromY]: Place, [toX, toY]: Place, limb: number): void {
  const length = Math.hypot(toX - fromX, toY - fromY);
  const [unitX, unitY] = [(toX - fromX) / length, (toY - fromY) / length];
  for (let cell = 0; cell < pafs.length / 4; cell++) {
    const [x, y] = [(cell % width) - fromX, Math.floor(cell / width) - fromY];
    const along = x * unitX + y * unitY;
    if (Math.abs(x * unitY - y * unitX) > 1 || along < -1 || along > length + 1) continue;
    pafs[cell * 4 + 2 * limb] = unitX;
    pafs[cell * 4 + 2 * limb + 1] = unitY;
  }
}

/**
 * Heatmaps and part affinity fields to people (Cao et al. 2017, arXiv:1611.08050), after the package's
 * `estimator/decoders/paf/__init__.py`: the same people, keypoints within .01 pixels of its own.
 */

import { areaAround, box } from "../people/boxes";
import { expectedOks } from "../people/oks";
import type { Person } from "../poses";
import type { PoseSpec } from "../spec";
import { type Group, group } from "./grouping";
import { findLimbs } from "./limbs";
import { findPeaks, type Peaks, type PoseMap } from "./peaks";

/** The network's outputs for one picture. */
export interface PoseMaps {
  readonly heatmaps: PoseMap;
  readonly pafs: PoseMap;
}

/**
 * Finds the people in one picture's maps.
 *
 * @param maps heatmaps (h, w, K), or K + 1 with the background, and pafs (h, w, 2 L).
 * @returns people in pixels of the network's input, best first; scores are 0..1.
 * @throws Error the maps have other shapes than the spec says.
 */
export function decode(maps: PoseMaps, spec: PoseSpec): Person[] {
  check(maps, spec);
  const { skeleton, decoder } = spec;
  const peaks = findPeaks(maps.heatmaps, skeleton.keypoints.length, decoder.min_weak_peak, decoder.max_peaks);
  const candidates = findLimbs(maps.pafs, peaks, skeleton.limbs, decoder);
  const redundant = new Set(skeleton.redundant_limbs);
  const weak = (peak: number): boolean => peaks.all[peak].score < decoder.min_peak;
  const groups = group(
    candidates,
    peaks,
    ({ limb, first, second }) => redundant.has(limb) || weak(first) || weak(second),
  );
  const enough = groups.filter(
    ({ peaks: members }) => [...members.values()].filter((peak) => !weak(peak)).length >= decoder.min_keypoints,
  );
  return enough
    .map((one) => person(one, peaks, spec))
    .sort((one, other) => other.score - one.score); // stable
}

function check({ heatmaps, pafs }: PoseMaps, { skeleton, outputs }: PoseSpec): void {
  const wanted = skeleton.keypoints.length + (outputs.background ? 1 : 0);
  if (heatmaps.channels !== wanted || pafs.channels !== 2 * skeleton.limbs.length) {
    throw new Error(
      `skeleton '${skeleton.name}' needs ${wanted} heatmaps and ${2 * skeleton.limbs.length} channels of fields, ` +
        `found ${heatmaps.channels} and ${pafs.channels}`,
    );
  }
  if (heatmaps.height !== pafs.height || heatmaps.width !== pafs.width) {
    throw new Error("heatmaps and fields must be of one height and width");
  }
}

/** One group as a person in pixels of the input: input = (map + 0.5) * stride - 0.5, and `offset_y`. */
function person(found: Group, peaks: Peaks, { skeleton, outputs: { stride }, decoder }: PoseSpec): Person {
  const keypoints = skeleton.keypoints.map((_, channel) => {
    const index = found.peaks.get(channel);
    if (index === undefined) return null;
    const { x, y, score } = peaks.all[index];
    return {
      x: (x + 0.5) * stride - 0.5,
      y: (y + 0.5) * stride - 0.5 + decoder.offset_y,
      score: Math.min(1, Math.max(0, score)),
    };
  });
  const sum = found.scores.reduce((total, score) => total + score, 0);
  const limbScore = Math.min(1, sum / (found.scores.length + decoder.missing_limb_prior));
  const { width, height } = box(keypoints);
  const area = areaAround(width / stride, height / stride);
  return { score: limbScore * expectedOks(keypoints, area, skeleton.sigmas, decoder.localisation_error), keypoints };
}

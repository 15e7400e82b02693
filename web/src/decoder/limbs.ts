/**
 * Limbs: the pairs of peaks that a part affinity field joins; `estimator/decoders/paf/limbs.py`.
 *
 * After Cao et al. 2017, arXiv:1611.08050, section 2.3: a candidate is the segment between two peaks,
 * its score the field's component along it. Most are rejected by the field at their middle.
 */

import type { Skeleton, Parameters } from "../spec";
import type { Peak, Peaks, PoseMap } from "./peaks";

/** A candidate limb: indices of the skeleton's limb and of the peaks that it joins. */
export interface Candidate {
  readonly limb: number;
  readonly first: number;
  readonly second: number;
  /** Mean component of the field, 0 to about 1. */
  readonly score: number;
}

/**
 * Finds every pair of peaks that a field joins; a peak may be in several pairs.
 *
 * @param pafs the network's fields, two channels a limb, x before y.
 * @returns candidates, limb after limb; their scores are above 0.
 */
export function findLimbs(
  pafs: PoseMap,
  peaks: Peaks,
  limbs: Skeleton["limbs"],
  options: Pick<Parameters, "samples" | "min_field" | "min_share">,
): Candidate[] {
  const found: Candidate[] = [];
  limbs.forEach(([from, to], limb) => {
    for (let first = peaks.start[from]; first < peaks.start[from + 1]; first++) {
      for (let second = peaks.start[to]; second < peaks.start[to + 1]; second++) {
        const score = scoreLimb(pafs, limb, peaks.all[first], peaks.all[second], options);
        if (score > 0) found.push({ limb, first, second, score });
      }
    }
  });
  return found;
}

/** The score of one segment; 0 where the field does not support it. */
function scoreLimb(
  pafs: PoseMap,
  limb: number,
  start: Peak,
  end: Peak,
  { samples, min_field, min_share }: Pick<Parameters, "samples" | "min_field" | "min_share">,
): number {
  const wayX = end.x - start.x;
  const wayY = end.y - start.y;
  const length = Math.hypot(wayX, wayY);
  const middle = (Math.trunc((start.y + end.y + 1) / 2) * pafs.width + Math.trunc((start.x + end.x + 1) / 2)) *
    pafs.channels + 2 * limb;
  const along = pafs.data[middle] * wayX + pafs.data[middle + 1] * wayY;
  if (!(along > min_field * length)) return 0;
  let sum = 0;
  let support = 0;
  for (let index = 0; index < samples; index++) {
    const share = index / (samples - 1);
    const x = start.x + wayX * share;
    const y = start.y + wayY * share;
    const component = (between(pafs, x, y, 2 * limb) * wayX + between(pafs, x, y, 2 * limb + 1) * wayY) / length;
    sum += component;
    if (component > min_field) support++;
  }
  return support >= min_share * samples - 1e-6 ? sum / samples : 0;
}

/** The value between the four cells around a point inside the map. */
function between({ data, height, width, channels }: PoseMap, x: number, y: number, channel: number): number {
  const column = Math.min(Math.trunc(x), Math.max(width - 2, 0));
  const row = Math.min(Math.trunc(y), Math.max(height - 2, 0));
  const corner = (row * width + column) * channels + channel;
  const right = channels * Math.min(width - 1, 1);
  const below = channels * width * Math.min(height - 1, 1);
  const upper = data[corner] + (data[corner + right] - data[corner]) * (x - column);
  const low = data[corner + below];
  const lower = low + (data[corner + below + right] - low) * (x - column);
  return upper + (lower - upper) * (y - row);
}

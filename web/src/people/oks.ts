/** Object keypoint similarity (cocodataset.org/#keypoints-eval); `estimator/people/oks.py`. */

import type { Keypoint } from "../poses";

type Keypoints = readonly (Keypoint | { readonly x: number; readonly y: number } | null)[];

/**
 * The OKS of two people over the keypoints found in both.
 *
 * @param area square pixels of a person.
 * @param sigmas K falloffs.
 * @returns 0..1; 0 where no keypoint is shared.
 */
export function oks(one: Keypoints, other: Keypoints, area: number, sigmas: readonly number[]): number {
  let total = 0;
  let shared = 0;
  sigmas.forEach((sigma, index) => {
    const here = one[index];
    const there = other[index];
    if (!here || !there) return;
    const squared = (here.x - there.x) ** 2 + (here.y - there.y) ** 2;
    total += Math.exp(-squared / (2 * (2 * sigma) ** 2 * (area + Number.EPSILON)));
    shared++;
  });
  return total / Math.max(shared, 1);
}

/**
 * The OKS expected of a person whose keypoints have a normal localisation error: with e its standard
 * deviation per axis, the mean of 1 / (1 + (e / s)²), where s² is area (2 sigma)².
 *
 * @param area above 0, in squares of the unit of `error`.
 */
export function expectedOks(keypoints: Keypoints, area: number, sigmas: readonly number[], error: number): number {
  let total = 0;
  let found = 0;
  sigmas.forEach((sigma, index) => {
    if (!keypoints[index]) return;
    total += 1 / (1 + error ** 2 / (area * (2 * sigma) ** 2));
    found++;
  });
  return total / Math.max(found, 1);
}

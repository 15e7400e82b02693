/** Boxes around people's keypoints; `estimator/people/boxes.py`. */

import type { Keypoint } from "../poses";

/** A person's box over the box of their keypoints, and their area's share of it; measured on COCO. */
const WIDER = 1.27;
const HIGHER = 1.21;
const AREA_OF_BOX = 0.53;

/** x, y, width and height around the keypoints found; zeros where none was. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function box(keypoints: readonly (Keypoint | null)[]): Box {
  const found = keypoints.filter((one) => one !== null);
  if (!found.length) return { x: 0, y: 0, width: 0, height: 0 };
  const x = Math.min(...found.map((one) => one.x));
  const y = Math.min(...found.map((one) => one.y));
  return {
    x,
    y,
    width: Math.max(...found.map((one) => one.x)) - x,
    height: Math.max(...found.map((one) => one.y)) - y,
  };
}

/** Estimated area of a person from the box of their keypoints, in square units. */
export function areaAround(width: number, height: number): number {
  return AREA_OF_BOX * WIDER * HIGHER * (width + 1) * (height + 1);
}

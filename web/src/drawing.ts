/** Draws skeletons on a canvas, in the colours of `estimator/outputs/draw.py`. */

import type { Keypoint, Person, Poses } from "./poses";
import { box } from "./people/boxes";

const LEFT = "rgb(255 149 0)";
const RIGHT = "rgb(0 170 255)";
const MIDDLE = "rgb(240 240 240)";
const OUTLINE = "rgb(20 20 20)";

/** What a context of both kinds of canvas can do. */
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/**
 * Draws people: left limbs orange, right ones blue, the rest white; the best on top.
 *
 * @param context of a canvas whose pixels are the picture's.
 * @param minKeypointScore keypoints of a lower score, and their limbs, are left out.
 */
export function drawPoses(context: Context, poses: Poses, minKeypointScore = 0): void {
  const redundant = new Set(poses.skeleton.redundant_limbs);
  const limbs = poses.skeleton.limbs.filter((_, index) => !redundant.has(index));
  const names = poses.skeleton.keypoints;
  for (const person of [...poses.people].reverse()) {
    const shown = person.keypoints.map((one) => (one && one.score >= minKeypointScore ? one : null));
    const width = thickness(poses, shown);
    for (const [from, to] of limbs) {
      const start = shown[from];
      const end = shown[to];
      if (start && end) drawLimb(context, start, end, colourOf(names[from], names[to]), width);
    }
    shown.forEach((one, index) => one && drawDot(context, one, colourOf(names[index], names[index]), width));
    if (person.id !== undefined) drawLabel(context, person, width);
  }
}

/** The colour of a limb between two keypoints, by their sides. */
function colourOf(one: string, other: string): string {
  for (const [side, colour] of [["left_", LEFT], ["right_", RIGHT]]) {
    if (one.startsWith(side) || other.startsWith(side)) return colour;
  }
  return MIDDLE;
}

function thickness(poses: Poses, shown: readonly (Keypoint | null)[]): number {
  const { width, height } = box(shown);
  const most = Math.max(2, Math.hypot(poses.width, poses.height) / 160);
  return Math.min(most, Math.max(1.5, Math.hypot(width, height) / 50));
}

function drawLimb(context: Context, start: Keypoint, end: Keypoint, colour: string, width: number): void {
  for (const [stroke, factor] of [[OUTLINE, 1.6], [colour, 1]] as const) {
    context.strokeStyle = stroke;
    context.lineWidth = width * factor;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(start.x + 0.5, start.y + 0.5); // a canvas has its origin at the pixel's corner
    context.lineTo(end.x + 0.5, end.y + 0.5);
    context.stroke();
  }
}

function drawDot(context: Context, { x, y }: Keypoint, colour: string, width: number): void {
  context.beginPath();
  context.arc(x + 0.5, y + 0.5, width * 0.9, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.strokeStyle = OUTLINE;
  context.lineWidth = width * 0.3;
  context.fill();
  context.stroke();
}

function drawLabel(context: Context, person: Person, width: number): void {
  const { x, y } = box(person.keypoints);
  context.font = `600 ${Math.round(Math.max(12, width * 4))}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  context.lineJoin = "round";
  context.lineWidth = Math.max(3, width);
  context.strokeStyle = OUTLINE;
  context.fillStyle = MIDDLE;
  const place = [`#${person.id}`, Math.max(2, x), Math.max(24, y - 2 * width)] as const;
  context.strokeText(...place);
  context.fillText(...place);
}

/**
 * Tracking: OKS matching from frame to frame, a motion model, a short memory;
 * `estimator/people/tracking.py` with its default options.
 *
 * The motion model is one velocity per person, the median of the keypoints' displacements. While a
 * person is out of sight the motion continues and slows down. All matches are chosen together.
 */

import type { Person } from "../poses";
import { highest } from "./assignment";
import { oks } from "./oks";

interface Point {
  readonly x: number;
  readonly y: number;
}
type Points = readonly (Point | null)[];

/** A track: keypoints where they were last found, moved by the motion model since. */
interface Track {
  readonly id: number;
  points: Points;
  velocity: Point; // pixels per second
  seen: number; // time of the last match, seconds
}

const LEAST_OKS = 0.15;
const TOLERANCE = 3; // factor on the sigmas, which describe two annotations of one picture
const MIN_SHARED = 3;
const VELOCITY_SECONDS = 0.15;
const MEMORY_SECONDS = 1;
const HIDDEN_WEIGHT = 0.5;

/** Gives people identities: call `track` with every frame's people, in order. */
export class Tracker {
  private tracks: Track[] = [];
  private time = -Infinity;
  private next = 1;
  private readonly sigmas: readonly number[];

  /** @param sigmas the skeleton's falloffs of OKS. */
  constructor(sigmas: readonly number[]) {
    this.sigmas = sigmas.map((sigma) => TOLERANCE * sigma);
  }

  /**
   * The same people in the same order, each with an `id`: 1, 2, ... by first appearance.
   *
   * @param time of the frame, seconds.
   * @throws RangeError the time is not after the last frame's.
   */
  track(people: readonly Person[], time: number): Person[] {
    if (!(time > this.time)) throw new RangeError(`frames must come in order: ${time} s came after ${this.time} s`);
    const oldest = Math.min(time - MEMORY_SECONDS, this.time);
    this.tracks = this.tracks.filter((track) => track.seen >= oldest);
    this.predict(time);
    const likeness = people.map((person) => this.tracks.map((track) => this.likeness(person.keypoints, track)));
    const matched = new Map(highest(likeness, LEAST_OKS).map(([person, track]) => [person, this.tracks[track]]));
    const followed = people.map((person, index) => {
      const track = matched.get(index);
      if (track) update(track, person.keypoints, time);
      return { ...person, id: track ? track.id : this.begin(person.keypoints, time) };
    });
    this.time = time;
    return followed;
  }

  /** Moves every track to where it should be now. */
  private predict(time: number): void {
    const gap = time - this.time;
    if (!(gap > 0 && gap < Infinity)) return;
    for (const track of this.tracks) {
      const slowing = gap * Math.max(0, 1 - (this.time - track.seen) / MEMORY_SECONDS);
      track.points = moved(track.points, { x: track.velocity.x * slowing, y: track.velocity.y * slowing });
    }
  }

  /** 0..1 */
  private likeness(points: Points, track: Track): number {
    const shared = points.filter((point, index) => point && track.points[index]).length;
    const fewest = Math.min(count(points), count(track.points));
    if (shared < Math.min(fewest, MIN_SHARED)) return 0;
    const area = Math.max(areaOf(points), areaOf(track.points));
    return oks(points, track.points, area, this.sigmas) * (track.seen < this.time ? HIDDEN_WEIGHT : 1);
  }

  private begin(points: Points, time: number): number {
    this.tracks.push({ id: this.next, points, velocity: { x: 0, y: 0 }, seen: time });
    return this.next++;
  }
}

/** Takes over where somebody was found; what was not found moves with the rest. */
function update(track: Track, points: Points, time: number): void {
  const steps = points.flatMap((point, index) => {
    const old = track.points[index];
    return point && old ? [{ x: point.x - old.x, y: point.y - old.y }] : [];
  });
  if (steps.length) {
    const middle = { x: median(steps.map((step) => step.x)), y: median(steps.map((step) => step.y)) };
    const gap = time - track.seen;
    const rate = 1 / (gap + VELOCITY_SECONDS);
    track.velocity = { x: track.velocity.x + rate * middle.x, y: track.velocity.y + rate * middle.y };
    track.points = moved(track.points, middle).map((old, index) => points[index] ?? old);
  }
  track.seen = time;
}

function moved(points: Points, step: Point): Points {
  return points.map((point) => point && { x: point.x + step.x, y: point.y + step.y });
}

function count(points: Points): number {
  return points.filter((point) => point).length;
}

function median(values: number[]): number {
  const sorted = values.sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Square pixels of the keypoints' box; of a flat one, as if a quarter as wide as long. */
function areaOf(points: Points): number {
  const found = points.filter((point) => point !== null);
  if (!found.length) return 0;
  const width = Math.max(...found.map(({ x }) => x)) - Math.min(...found.map(({ x }) => x));
  const height = Math.max(...found.map(({ y }) => y)) - Math.min(...found.map(({ y }) => y));
  return Math.max(width * height, Math.max(width, height) ** 2 / 4);
}

/**
 * One-Euro smoothing of people's keypoints (Casiez, Roussel and Vogel 2012, CHI, "1 Euro Filter");
 * `estimator/people/smoothing.py` with its default options.
 *
 * A low-pass filter whose cutoff rises with speed, which is measured in sizes of the person.
 */

import type { Keypoint, Person } from "../poses";
import { box } from "./boxes";

/** How keypoints are smoothed. */
export interface SmootherOptions {
  /** Cutoff frequency at rest, Hz; lower is smoother. */
  readonly minCutoff: number;
  /** Cutoff increase per size of the person per second; higher reduces lag. */
  readonly beta: number;
  /** Cutoff frequency of the speed estimate, Hz. */
  readonly derivativeCutoff: number;
  /** A person who was out of sight for longer starts without history. */
  readonly memorySeconds: number;
}

export const SMOOTHER: SmootherOptions = { minCutoff: 0.6, beta: 15, derivativeCutoff: 1, memorySeconds: 0.5 };

interface Smoothed {
  readonly x: number;
  readonly y: number;
  readonly speedX: number; // sizes per second
  readonly speedY: number;
}

/** The filter of one person. */
interface State {
  readonly points: readonly (Smoothed | null)[];
  readonly size: number; // pixels
  readonly time: number;
}

/** Smooths people with identities: call `smooth` with every frame's people, in order. */
export class Smoother {
  private readonly states = new Map<number, State>();

  constructor(private readonly options: SmootherOptions = SMOOTHER) {}

  /**
   * The same people, smoothed. A keypoint found after a gap starts without history.
   *
   * @param people from a `Tracker`.
   * @param time of the frame, seconds.
   * @throws Error a person has no `id`, or the time is not after the last frame's.
   */
  smooth(people: readonly Person[], time: number): Person[] {
    const smoothed = people.map((person) => {
      if (person.id === undefined) throw new Error("smoothing needs identities: track the people first");
      const state = this.step(this.states.get(person.id), person.keypoints, time);
      this.states.set(person.id, state);
      const keypoints = person.keypoints.map((one, index) => {
        const place = state.points[index];
        return one && place && { x: place.x, y: place.y, score: one.score };
      });
      return { ...person, keypoints };
    });
    for (const [id, state] of this.states) {
      if (state.time < time - this.options.memorySeconds) this.states.delete(id);
    }
    return smoothed;
  }

  private step(state: State | undefined, keypoints: readonly (Keypoint | null)[], time: number): State {
    const measured = sizeOf(keypoints);
    if (!state) return { points: keypoints.map((one) => one && fresh(one)), size: measured, time };
    const gap = time - state.time;
    if (!(gap > 0)) throw new RangeError(`frames must come in order: ${time} s came after ${state.time} s`);
    const size = state.size + weight(1, gap) * (measured - state.size); // low-passed: boxes jitter
    const points = keypoints.map((one, index) => {
      const old = state.points[index];
      if (!one || !old) return one && fresh(one);
      const [x, speedX] = this.filter(one.x, old.x, old.speedX, size, gap);
      const [y, speedY] = this.filter(one.y, old.y, old.speedY, size, gap);
      return { x, y, speedX, speedY };
    });
    return { points, size, time };
  }

  /** The smoothed coordinate and its speed. */
  private filter(value: number, old: number, oldSpeed: number, size: number, gap: number): [number, number] {
    const { minCutoff, beta, derivativeCutoff } = this.options;
    const speed = oldSpeed + weight(derivativeCutoff, gap) * ((value - old) / (size * gap) - oldSpeed);
    return [old + weight(minCutoff + beta * Math.abs(speed), gap) * (value - old), speed];
  }
}

function fresh({ x, y }: Keypoint): Smoothed {
  return { x, y, speedX: 0, speedY: 0 };
}

/** The weight of the new value in a low-pass filter of that cutoff (Casiez et al., eq. 3). */
function weight(cutoff: number, gap: number): number {
  const turn = 2 * Math.PI * cutoff * gap;
  return turn / (turn + 1);
}

/** The square root of the area of the keypoints' box, at least 1 pixel. */
function sizeOf(keypoints: readonly (Keypoint | null)[]): number {
  if (keypoints.filter((one) => one).length < 2) return 1;
  const { width, height } = box(keypoints);
  return Math.max(1, Math.sqrt(width * height), Math.max(width, height) / 4);
}

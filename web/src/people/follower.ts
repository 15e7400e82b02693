/** People from frame to frame: the least score, identities and smoothing in one. */

import type { Person } from "../poses";
import type { Skeleton } from "../spec";
import { Smoother } from "./smoothing";
import { Tracker } from "./tracking";

/** Follows people through a video: call `follow` with every frame's people, in order. */
export class Follower {
  private tracker: Tracker;
  private smoother = new Smoother();
  private last = -Infinity;

  constructor(private readonly skeleton: Skeleton) {
    this.tracker = new Tracker(skeleton.sigmas);
  }

  /**
   * The people with an `id` each, smoothed. A time that is not after the last one's, as after a seek,
   * begins anew.
   *
   * @param time of the frame, seconds.
   */
  follow(people: readonly Person[], time: number): Person[] {
    if (!(time > this.last)) {
      this.tracker = new Tracker(this.skeleton.sigmas);
      this.smoother = new Smoother();
    }
    this.last = time;
    return this.smoother.smooth(this.tracker.track(people, time), time);
  }
}

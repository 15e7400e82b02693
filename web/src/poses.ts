/** Poses: the people found in one picture, and their form as JSON. */

import type { Skeleton } from "./spec";

/** A keypoint in pixels; the centre of the first pixel is 0, 0. Its score is 0..1. */
export interface Keypoint {
  readonly x: number;
  readonly y: number;
  readonly score: number;
}

/** One person. */
export interface Person {
  /** 0..1; ranks people. */
  readonly score: number;
  /** In the skeleton's order; null where a keypoint was not found. */
  readonly keypoints: readonly (Keypoint | null)[];
  /** The same for a person in all frames; missing without a tracker. */
  readonly id?: number;
}

/** Milliseconds that the parts of an estimate took. */
export interface Times {
  /** From the source to the network's input. */
  readonly prepare: number;
  readonly network: number;
  /** From maps to people, with tracking and smoothing. */
  readonly decode: number;
}

/** The people of one picture, best first. */
export interface Poses {
  readonly model: string;
  readonly skeleton: Skeleton;
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
  readonly people: readonly Person[];
  readonly times: Times;
}

/** A person by the names of the keypoints that were found, rounded as `tfpose predict` does. */
export interface ReadablePerson {
  id?: number;
  score: number;
  keypoints: Record<string, Keypoint>;
}

/** What `tfpose predict --json` writes of a picture. */
export interface Readable {
  file: string;
  width: number;
  height: number;
  model: string;
  skeleton: string;
  people: ReadablePerson[];
}

/**
 * The people of one picture in the readable form of `tfpose predict --json`.
 *
 * @param file a name for the picture.
 */
export function readable(poses: Poses, file: string): Readable {
  return {
    file,
    width: poses.width,
    height: poses.height,
    model: poses.model,
    skeleton: poses.skeleton.name,
    people: poses.people.map((person) => readablePerson(person, poses.skeleton)),
  };
}

function readablePerson(person: Person, skeleton: Skeleton): ReadablePerson {
  const keypoints: Record<string, Keypoint> = {};
  person.keypoints.forEach((one, index) => {
    if (one) keypoints[skeleton.keypoints[index]] = { x: round(one.x, 2), y: round(one.y, 2), score: round(one.score, 4) };
  });
  return { ...(person.id === undefined ? {} : { id: person.id }), score: round(person.score, 4), keypoints };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { highest } from "../src/people/assignment";
import { oks } from "../src/people/oks";
import { Follower } from "../src/people/follower";
import { Smoother } from "../src/people/smoothing";
import { Tracker } from "../src/people/tracking";
import { type Person, readable } from "../src/poses";
import { STICK } from "./made";

const SIGMAS = STICK.skeleton.sigmas;

function standing(x: number, y = 10): Person {
  const keypoints = [y, y + 60, y + 120].map((height) => ({ x, y: height, score: 0.9 }));
  return { score: 0.5, keypoints };
}

test("the assignment has the highest sum, not the highest pair first", () => {
  assert.deepEqual(highest([[9, 8], [8, 1]], 0), [[0, 1], [1, 0]]);
});

test("a pair below the least is none; more rows than columns are taken", () => {
  assert.deepEqual(highest([[0.1], [0.9], [0.3]], 0.2), [[1, 0]]);
  assert.deepEqual(highest([[0.1]], 0.2), []);
  assert.deepEqual(highest([], 0), []);
});

test("oks is one for the same pose, and ignores what is missing", () => {
  const person = standing(50).keypoints;
  assert.equal(oks(person, person, 100, SIGMAS), 1);
  assert.equal(oks([null, ...person.slice(1)], person, 100, SIGMAS), 1);
  assert.equal(oks([null, null, null], person, 100, SIGMAS), 0);
});

test("people keep their identities where they cross the order of the list", () => {
  const tracker = new Tracker(SIGMAS);
  assert.deepEqual(tracker.track([standing(20), standing(200)], 0).map((one) => one.id), [1, 2]);
  assert.deepEqual(tracker.track([standing(203), standing(22)], 0.1).map((one) => one.id), [2, 1]);
  assert.deepEqual(tracker.track([standing(400)], 0.2).map((one) => one.id), [3]);
});

test("somebody who comes back within a second keeps the identity, later not", () => {
  const tracker = new Tracker(SIGMAS);
  tracker.track([standing(20)], 0);
  tracker.track([], 0.4);
  assert.equal(tracker.track([standing(21)], 0.8)[0].id, 1);
  tracker.track([], 1.2);
  tracker.track([], 2.5);
  assert.equal(tracker.track([standing(21)], 2.6)[0].id, 2);
});

test("frames out of order are refused by the tracker, and begin anew in a follower", () => {
  const tracker = new Tracker(SIGMAS);
  tracker.track([], 1);
  assert.throws(() => tracker.track([], 1), /in order/);
  const follower = new Follower(STICK.skeleton);
  follower.follow([standing(20)], 5);
  assert.equal(follower.follow([standing(90)], 1)[0].keypoints[0]?.x, 90);
});

test("smoothing lessens jitter and follows a move", () => {
  const smoother = new Smoother();
  const xs: number[] = [];
  for (let frame = 0; frame < 60; frame++) {
    const [person] = smoother.smooth([{ ...standing(100 + (frame % 2)), id: 1 }], frame / 30);
    xs.push(person.keypoints[0]?.x ?? NaN);
  }
  const late = xs.slice(30);
  assert.ok(Math.max(...late) - Math.min(...late) < 0.5, "jitter of one pixel is halved at least");
  const [moved] = smoother.smooth([{ ...standing(400), id: 1 }], 2);
  assert.ok((moved.keypoints[0]?.x ?? 0) > 350, "a fast move has little lag");
});

test("the readable form names what was found, rounded", () => {
  const person: Person = { id: 2, score: 0.123456, keypoints: [{ x: 1.005, y: 2.3456, score: 0.98765 }, null, null] };
  const poses = { model: "stick", skeleton: STICK.skeleton, width: 4, height: 3, people: [person] };
  const times = { prepare: 0, network: 0, decode: 0 };
  assert.deepEqual(readable({ ...poses, times }, "a.jpg"), {
    file: "a.jpg", width: 4, height: 3, model: "stick", skeleton: "stick",
    people: [{ id: 2, score: 0.1235, keypoints: { head: { x: 1, y: 2.35, score: 0.9877 } } }],
  });
});

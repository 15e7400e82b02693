import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "../src/decoder/decode";
import { draw, type Place, STICK } from "./made";

const STANDING: Place[] = [[8.25, 3.4], [8.25, 9.5], [8.25, 15.75]];
const BESIDE: Place[] = [[18, 4], [18.5, 10], [17, 16]];

test("empty maps have no people", () => {
  assert.deepEqual(decode(draw([]), STICK), []);
});

test("keypoints are found between the cells, in pixels of the input", () => {
  const [person] = decode(draw([STANDING]), STICK);
  STANDING.forEach(([x, y], index) => {
    const found = person.keypoints[index];
    assert.ok(found && Math.abs(found.x - ((x + 0.5) * 8 - 0.5)) < 0.01 && Math.abs(found.y - ((y + 0.5) * 8 - 0.5)) < 0.01);
    assert.ok(Math.abs(found.score - 0.9) < 0.001);
  });
});

test("offset_y moves the keypoints down", () => {
  const [before] = decode(draw([STANDING]), STICK);
  const [after] = decode(draw([STANDING]), { ...STICK, decoder: { ...STICK.decoder, offset_y: 0.75 } });
  before.keypoints.forEach((place, index) => {
    assert.equal(after.keypoints[index]?.y, (place?.y ?? NaN) + 0.75);
    assert.equal(after.keypoints[index]?.x, place?.x);
  });
});

test("two people stay two", () => {
  const people = decode(draw([STANDING, BESIDE]), STICK);
  assert.equal(people.length, 2);
  const heads = people.map((person) => Math.round(person.keypoints[0]?.x ?? NaN)).sort((a, b) => a - b);
  assert.deepEqual(heads, [Math.round(8.75 * 8 - 0.5), Math.round(18.5 * 8 - 0.5)]);
});

test("without a field there is no person", () => {
  const maps = draw([STANDING]);
  maps.pafs.data.fill(0);
  assert.deepEqual(decode(maps, STICK), []);
});

test("the score is the mean limb score with the prior, times the expected OKS", () => {
  const [person] = decode(draw([STANDING]), STICK);
  // Two limbs of score 1 and three missing ones: 2 / 5. Box 0 x 12.35 cells: area .53 1.27 1.21 (1) (13.35).
  const area = 0.53 * 1.27 * 1.21 * 13.35;
  const oks = [0.05, 0.1, 0.09].map((sigma) => 1 / (1 + 0.09 / (area * (2 * sigma) ** 2)));
  const expected = (2 / 5) * ((oks[0] + oks[1] + oks[2]) / 3);
  assert.ok(Math.abs(person.score - expected) < 0.01, `${person.score} is not ${expected}`);
});

test("a border cell is a peak in its middle", () => {
  const [person] = decode(draw([[[0, 3], [0, 9], [0, 15]]]), STICK);
  assert.equal(person.keypoints[0]?.x, 3.5);
});

test("maps of another skeleton are refused", () => {
  const maps = draw([STANDING]);
  assert.throws(() => decode({ ...maps, heatmaps: maps.pafs }, STICK), /needs 3 heatmaps and 4 channels/);
});

test("not a number in the maps is no person and no error", () => {
  const maps = draw([STANDING]);
  maps.heatmaps.data.fill(NaN);
  assert.deepEqual(decode(maps, STICK), []);
});

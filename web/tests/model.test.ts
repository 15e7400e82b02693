import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inputSize, letterbox, toPicture } from "../src/letterbox";
import { resized } from "../src/resizing";
import { hasSimd } from "../src/simd";
import { parseSpec, readSpec } from "../src/spec";

const file = new Uint8Array(readFileSync(new URL("../../../saved_models/tfpose_s/model.tflite", import.meta.url)));

test("the spec in the shipped model is read, with today's names of its fields", () => {
  const spec = readSpec(file);
  assert.equal(spec.model, "tfpose_s");
  assert.equal(spec.skeleton.keypoints.length, 18);
  assert.deepEqual([spec.image.height, spec.image.width, spec.image.multiple, spec.image.flexible], [352, 480, 32, true]);
  assert.equal(spec.decoder.missing_limb_prior, 3);
  assert.equal(spec.decoder.localisation_error, 0.3);
});

test("a file without a spec, and one of another decoder, are refused in words", () => {
  assert.throws(() => readSpec(file.slice(0, 1000)), /carries no pose_spec.json/);
  assert.throws(() => readSpec(new Uint8Array(0)), /carries no pose_spec.json/);
  const simcc = { format: 1, model: "m", decoder: { name: "simcc" }, image: {}, outputs: {}, skeleton: {} };
  assert.throws(() => parseSpec(JSON.stringify(simcc)), /'simcc'; in the browser there is 'paf' only/);
  assert.throws(() => parseSpec(JSON.stringify({ ...simcc, format: 2 })), /reads up to 1/);
});

test("another input size changes the shapes of maps and nothing else", () => {
  const from = { height: 352, width: 480 };
  assert.deepEqual(resized(file, from, from), file);
  const other = resized(file, from, { height: 256, width: 352 });
  assert.equal(other.length, file.length);
  assert.deepEqual(resized(other, { height: 256, width: 352 }, from), file, "and back");
  const changed = other.reduce((count, byte, index) => count + Number(byte !== file[index]), 0);
  assert.ok(changed > 8 && changed < 8000, `${changed} bytes changed`);
  assert.equal(readSpec(other).model, "tfpose_s");
  assert.throws(() => resized(new Uint8Array(100), from, from), /not a .tflite/);
});

test("inputs have the base height and the picture's aspect, in multiples", () => {
  const image = readSpec(file).image;
  assert.deepEqual(inputSize({ height: 480, width: 640 }, image, 256), { height: 256, width: 352 });
  assert.deepEqual(inputSize({ height: 1280, width: 720 }, image, 256), { height: 256, width: 160 });
  assert.deepEqual(inputSize({ height: 100, width: 10_000 }, image, 256), { height: 32, width: 1024 });
  assert.deepEqual(inputSize({ height: 1, width: 1 }, { ...image, flexible: false }, 256), { height: 352, width: 480 });
});

test("a letterbox is centred, and its points come back", () => {
  const fit = letterbox({ height: 480, width: 640 }, { height: 256, width: 352 });
  assert.deepEqual(fit, { height: 256, width: 352, innerHeight: 256, innerWidth: 341, top: 0, left: 5 });
  const { x, y } = toPicture(5 - 0.5, -0.5, fit, { height: 480, width: 640 });
  assert.ok(Math.abs(x + 0.5) < 1e-9 && Math.abs(y + 0.5) < 1e-9, "the picture's corner");
});

test("the module that asks for SIMD is a valid one", () => {
  assert.equal(hasSimd(), true);
});

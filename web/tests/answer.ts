/**
 * Answers what Python asks (tests/web/test_same_answers.py): `node build/tests/answer.mjs REQUEST.json`.
 *
 * REQUEST may have `maps`: pictures' maps, as files of little-endian float32; `frames`: people of frames
 * to follow; `resize`: a model to write for inputs of another size; and `run`: a model and the pixels that
 * it is to look at in LiteRT.js. The answer, JSON on standard output, has the people of each.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { decode } from "../src/decoder/decode";
import type { PoseMap } from "../src/decoder/peaks";
import { Smoother } from "../src/people/smoothing";
import { Tracker } from "../src/people/tracking";
import type { Person } from "../src/poses";
import { Network } from "../src/network";
import { resized, type Size } from "../src/resizing";
import { parseSpec } from "../src/spec";
import { loadInNode } from "./litert_in_node";

interface Request {
  spec: string;
  maps?: { height: number; width: number; heatmaps: string; pafs: string }[];
  frames?: { time: number; people: Person[] }[];
  resize?: { model: string; to: Size; out: string };
  run?: { model: string; pixels: string; size: Size };
}

const { spec: text, maps = [], frames = [], resize, run }: Request = JSON.parse(readFileSync(process.argv[2], "utf8"));
const spec = parseSpec(text);

function read(file: string, height: number, width: number): PoseMap {
  const bytes = readFileSync(file);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { data, height, width, channels: data.length / (height * width) };
}

const decoded = maps.map(({ height, width, heatmaps, pafs }) =>
  decode({ heatmaps: read(heatmaps, height, width), pafs: read(pafs, height, width) }, spec),
);
const tracker = new Tracker(spec.skeleton.sigmas);
const smoother = new Smoother();
const followed = frames.map(({ time, people }) => smoother.smooth(tracker.track(people, time), time));
if (resize) {
  const model = new Uint8Array(readFileSync(resize.model));
  writeFileSync(resize.out, resized(model, spec.image, resize.to));
}
let ran: Person[] = [];
if (run) {
  await loadInNode(process.cwd());
  const network = new Network(new Uint8Array(readFileSync(run.model)), spec, "wasm");
  ran = decode(await network.run(new Uint8Array(readFileSync(run.pixels)), run.size), spec);
}
process.stdout.write(JSON.stringify({ decoded, followed, ran }));

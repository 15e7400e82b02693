/** The live demo: camera, video or picture in, skeletons on a canvas out. */

import { drawPoses } from "../src/drawing";
import { NO_SIMD } from "../src/network";
import { type Poses, readable } from "../src/poses";
import { hasSimd } from "../src/simd";
import { Figures } from "./figures";
import { RemoteEstimator, type Seen } from "./remote";
import { openCamera, openFile, openPicture, type PictureSource } from "./sources";

const QUIET = 2000; // milliseconds between two readings to screen readers
const WORKER_PATIENCE = 1500; // milliseconds that the start waits for the service worker

const get = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const canvas = get<HTMLCanvasElement>("canvas");
const context = canvas.getContext("2d") as CanvasRenderingContext2D;
const video = get<HTMLVideoElement>("video");
const button = (id: string): HTMLButtonElement => get<HTMLButtonElement>(id);
const chosen = (id: string): string => get<HTMLSelectElement>(id).value;
const figures = new Figures();

let estimator: RemoteEstimator | null = null;
let source: PictureSource | null = null;
let paused = false;
let last: Poses | null = null;
let read = 0; // when the people were last read out

function tell(text: string, bad = false): void {
  const place = get("status");
  place.classList.toggle("bad", bad);
  if (place.textContent !== text) place.textContent = text;
}

function failed(error: unknown): void {
  tell(error instanceof Error ? error.message : String(error), true);
}

/** A new network in a new worker; what is shown goes on with it. */
async function openNetwork(): Promise<void> {
  estimator?.close();
  const [model, accelerator] = chosen("model").split(" ");
  const opened = new RemoteEstimator(model, accelerator as "wasm" | "webgpu", Number(chosen("height")));
  estimator = opened;
  tell("Loading the network …");
  await opened.ready;
  if (estimator === opened) tell(source ? "Looking …" : "Ready. Use the camera, or choose a picture or a video.");
}

/** Shows pictures until the source is closed or another one is there. */
async function show(open: () => Promise<PictureSource>): Promise<void> {
  stop();
  estimator?.restart();
  figures.begin();
  tell("Opening …");
  const current = await open();
  source?.close();
  source = current;
  setPaused(false);
  get("start").hidden = true;
  button("stop").disabled = false;
  button("pause").disabled = !current.moving;
  tell("Looking …");
  if (!current.moving) await look(current);
  while (current.moving && source === current) {
    if (paused || !(await look(current))) await new Promise(requestAnimationFrame);
  }
}

/** Looks at the latest picture; false where there is no new one. */
async function look(current: PictureSource): Promise<boolean> {
  const network = estimator;
  if (!network) return false;
  await network.ready;
  const begin = performance.now();
  const next = await current.next();
  if (!next) return false;
  const captured = performance.now();
  const tracked = current.moving && get<HTMLInputElement>("smooth").checked;
  let seen: Seen;
  try {
    seen = await network.estimate(next.frame, Number(get<HTMLInputElement>("threshold").value), tracked ? next.time : null);
  } catch (error) {
    if (network !== estimator || current !== source) return false; // closed meanwhile
    throw error;
  }
  if (current === source) {
    const answered = performance.now();
    draw(seen);
    figures.note({ ...seen.poses.times, capture: captured - begin, draw: performance.now() - answered });
    describe(seen.poses, current.moving);
  }
  seen.frame.close();
  return true;
}

function draw({ frame, poses }: Seen): void {
  if (canvas.width !== frame.width || canvas.height !== frame.height) {
    [canvas.width, canvas.height] = [frame.width, frame.height];
  }
  context.drawImage(frame, 0, 0);
  drawPoses(context, poses);
  last = poses;
  button("saveJson").disabled = button("savePicture").disabled = false;
}

/** Tells screen readers and sighted people how many there are; of a stream now and then only. */
function describe(poses: Poses, moving: boolean): void {
  const count = poses.people.length;
  const text = count === 0 ? "Nobody found." : count === 1 ? "One person found." : `${count} people found.`;
  canvas.dataset.people = String(count);
  const now = performance.now();
  if (moving && now - read < QUIET) return;
  read = now;
  tell(text);
  const points = poses.people.map((person) => person.keypoints.filter((one) => one).length);
  canvas.setAttribute("aria-label", count ? `${text} Joints marked: ${points.join(", ")}.` : text);
}

function stop(): void {
  source?.close();
  source = null;
  setPaused(false);
  button("stop").disabled = button("pause").disabled = true;
}

/** An empty canvas, with the button that begins. */
function clear(): void {
  last = null;
  button("saveJson").disabled = button("savePicture").disabled = true;
  [canvas.width, canvas.height] = [640, 400];
  canvas.setAttribute("aria-label", "No picture yet");
  get("start").hidden = false;
}

function setPaused(value: boolean): void {
  paused = value;
  source?.pause(value);
  button("pause").setAttribute("aria-pressed", String(value));
}

/** Looks again at what stands still, after a change of the controls. */
function again(): void {
  const current = source;
  if (current && !current.moving) look(current).catch(failed);
}

function save(blob: Blob | null, suffix: string): void {
  if (!blob) return failed("The picture cannot be saved.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${(source?.name ?? "picture").replace(/\.[^.]*$/, "")}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function saveJson(): void {
  if (!last) return;
  const rows = `[\n${JSON.stringify(readable(last, source?.name ?? "picture"))}\n]\n`;
  save(new Blob([rows], { type: "application/json" }), "json");
}

function listen(): void {
  const on = (id: string, event: string, listener: () => void): void => get(id).addEventListener(event, listener);
  const begin = (open: () => Promise<PictureSource>): void => void show(open).catch((error: unknown) => {
    if (!source) clear();
    failed(error);
  });
  const camera = (): Promise<PictureSource> => openCamera(video, chosen("facing"));
  const file = get<HTMLInputElement>("file");
  const take = (one: File | undefined): void => void (one && begin(() => openFile(video, one)));
  on("camera", "click", () => begin(camera));
  on("facing", "change", () => source?.name === "camera" && begin(camera));
  on("file", "change", () => take(file.files?.[0]));
  on("sample", "click", () => begin(openSample));
  on("pause", "click", () => setPaused(!paused));
  on("stop", "click", () => {
    stop();
    clear();
    tell("Stopped.");
    button("camera").focus();
  });
  on("model", "change", () => void openNetwork().then(again).catch(failed));
  on("height", "change", () => {
    estimator?.setHeight(Number(chosen("height")));
    again();
  });
  on("threshold", "input", () => {
    get("shown").textContent = Number(get<HTMLInputElement>("threshold").value).toFixed(2);
    again();
  });
  on("saveJson", "click", saveJson);
  on("savePicture", "click", () => canvas.toBlob((blob) => save(blob, "png")));
  listenForDrops(take);
}

async function openSample(): Promise<PictureSource> {
  return openPicture(await (await fetch("sample.jpg")).blob(), "sample.jpg");
}

function listenForDrops(take: (file: File | undefined) => void): void {
  const box = document.querySelector(".file") as HTMLElement;
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  document.addEventListener("dragleave", () => box.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(event.dataTransfer?.files[0]);
  });
}

/** Keeps the site's files from the first visit on; where that cannot be, the page works without. */
async function keepFiles(): Promise<void> {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("offline.js");
  } catch {
    return; // as in a private window
  }
  const controlled = new Promise<void>((resolve) => {
    if (navigator.serviceWorker.controller) resolve();
    navigator.serviceWorker.addEventListener("controllerchange", () => resolve());
  });
  await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, WORKER_PATIENCE))]);
}

/** Offers WebGPU where the browser has a graphics card to run it on. */
async function offerGpu(): Promise<void> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<object | null> } }).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter) get<HTMLSelectElement>("model").add(new Option("floating point, on the graphics card", "tfpose_s_float16 webgpu"));
}

async function start(): Promise<void> {
  if (!hasSimd()) {
    for (const one of document.querySelectorAll("button, input, select")) (one as HTMLButtonElement).disabled = true;
    throw new Error(NO_SIMD);
  }
  listen();
  await keepFiles();
  await openNetwork();
  await offerGpu();
}

start().catch(failed);

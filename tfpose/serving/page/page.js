// The page: a picture or the camera in, skeletons on a canvas out. No library, no other host.
"use strict";

const LEFT = "#ff9500", RIGHT = "#00aaff", MIDDLE = "#f0f0f0", OUTLINE = "#141414"; // as estimator/draw.py
const FRAME_SIDE = 640; // pixels of the longer side of a camera's frame, as it is sent
const IN_FLIGHT = 2; // frames sent and not yet answered: more would only be passed over

const QUIET = 1000; // milliseconds between two readings of a stream's figures to screen readers

const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), context = canvas.getContext("2d"), video = $("video");
const state = { source: null, name: "picture", answer: null, models: {}, stream: null, asked: 0, described: 0, pointed: null };

// What is asked of the service

function headers() {
  const key = $("key").value;
  return key ? { "X-API-Key": key } : {};
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: headers() });
  } catch {
    throw new Error("The service cannot be reached.");
  }
  if (response.status === 401) $("keyField").hidden = false;
  const body = await response.json();
  if (!response.ok) throw new Error(body.error || body.message || `Error ${response.status}`);
  return body;
}

async function loadModels() {
  try {
    const { models } = await call("v1/models");
    state.models = Object.fromEntries(models.map((model) => [model.name, model]));
    $("model").replaceChildren(...models.map((model) => new Option(model.name, model.name)));
    if (!state.source) say("Choose a picture to begin.");
  } catch (error) {
    say(error.message, true);
  }
}

async function lookAtPicture() {
  const asked = ++state.asked;
  const form = new FormData();
  form.append("image", state.file, "picture");
  say("Searching …");
  try {
    const answer = await call(`v1/pose?model=${encodeURIComponent($("model").value)}`, { method: "POST", body: form });
    if (asked !== state.asked) return; // another picture was chosen meanwhile
    show({ ...answer.images[0], model: answer.model, ms: answer.timing.total });
  } catch (error) {
    if (asked === state.asked) say(error.message, true);
  }
}

// Pictures

async function choose(file) {
  if (!file) return;
  stopCamera();
  clear();
  const chosen = ++state.asked;
  let source;
  try {
    source = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (chosen === state.asked) say("That is no picture that this browser can show.", true);
    return;
  }
  if (chosen !== state.asked) return; // another one was chosen meanwhile
  state.source = source;
  Object.assign(state, { file, name: (file.name || "picture").replace(/\.[^.]*$/, ""), answer: null });
  draw();
  await lookAtPicture();
}

async function trySample() {
  try {
    const response = await fetch("sample.jpg");
    if (!response.ok) throw new Error(`Error ${response.status}`);
    await choose(new File([await response.blob()], "sample.jpg", { type: "image/jpeg" }));
  } catch (error) {
    say(`The sample cannot be read: ${error.message}`, true);
  }
}

// Nothing of the last picture stays beside the next one
function clear() {
  Object.assign(state, { source: null, file: null, answer: null, pointed: null });
  canvas.width = 640;
  canvas.height = 400;
  canvas.setAttribute("aria-label", "No picture yet");
  $("empty").hidden = false;
  $("details").hidden = true;
  $("people").replaceChildren();
  $("savePicture").disabled = $("saveJson").disabled = true;
}

// The camera: frames go out over a WebSocket; each answer is drawn on the frame it is about

async function startCamera() {
  if (!navigator.mediaDevices) {
    say("The camera needs a secure page: open this one at localhost or over HTTPS.", true);
    return;
  }
  let media;
  try {
    media = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
  } catch (error) {
    say(`No camera: ${error.message}`, true);
    return;
  }
  clear();
  state.asked++;
  state.described = 0;
  video.srcObject = media;
  await video.play();
  Object.assign(state, { file: null, name: "camera", answer: null });
  $("camera").setAttribute("aria-pressed", "true");
  $("camera").textContent = "Stop the camera";
  openStream(media);
}

function openStream(media) {
  const url = new URL("v1/stream", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ smooth: "1", model: $("model").value });
  const key = $("key").value;
  const socket = new WebSocket(url, key ? ["tfpose", `key.${key}`] : ["tfpose"]);
  const stream = { socket, media, sent: new Map(), next: 0, pace: [] };
  state.stream = stream;
  socket.onopen = () => sendFrame(stream);
  socket.onmessage = (event) => takeAnswer(stream, JSON.parse(event.data));
  socket.onclose = (event) => {
    if (state.stream !== stream) return;
    stopCamera();
    say(event.reason || "The stream was closed.", true);
  };
}

async function sendFrame(stream) {
  if (state.stream !== stream || stream.socket.readyState !== WebSocket.OPEN) return;
  const shrink = Math.min(1, FRAME_SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
  const width = Math.round(video.videoWidth * shrink), height = Math.round(video.videoHeight * shrink);
  if (!width || !height) return void setTimeout(sendFrame, 50, stream);
  const frame = new OffscreenCanvas(width, height);
  frame.getContext("2d").drawImage(video, 0, 0, width, height);
  const blob = await frame.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  if (state.stream !== stream || stream.socket.readyState !== WebSocket.OPEN) return;
  stream.sent.set(stream.next++, frame);
  stream.socket.send(blob);
  if (stream.sent.size < IN_FLIGHT) sendFrame(stream);
}

function takeAnswer(stream, answer) {
  if (state.stream !== stream) return;
  const frame = stream.sent.get(answer.frame);
  for (const index of stream.sent.keys()) if (index <= answer.frame) stream.sent.delete(index);
  if (answer.error) say(answer.error, true);
  else if (frame) {
    state.source = frame;
    stream.pace = [...stream.pace, performance.now()].slice(-20);
    const seconds = (stream.pace.at(-1) - stream.pace[0]) / 1000;
    show({ ...answer, model: $("model").value, rate: seconds > 0 ? (stream.pace.length - 1) / seconds : 0 });
  }
  sendFrame(stream);
}

function stopCamera() {
  const stream = state.stream;
  state.stream = null;
  if (!stream) return;
  stream.socket.close();
  for (const track of stream.media.getTracks()) track.stop();
  video.srcObject = null;
  $("camera").setAttribute("aria-pressed", "false");
  $("camera").textContent = "Use the camera";
}

// What is shown

function show(answer) {
  state.answer = answer;
  draw();
  const now = performance.now();
  if (state.stream && now - state.described < QUIET) return;
  state.described = now;
  describe();
}

function surePeople() {
  const least = Number($("threshold").value);
  return (state.answer?.people ?? [])
    .map((person, index) => ({
      ...person,
      index,
      keypoints: Object.fromEntries(Object.entries(person.keypoints).filter(([, point]) => point.score >= least)),
    }))
    .filter((person) => Object.keys(person.keypoints).length);
}

function draw() {
  const { source, answer } = state;
  if (!source) return;
  if (canvas.width !== source.width || canvas.height !== source.height) {
    canvas.width = source.width;
    canvas.height = source.height;
  }
  $("empty").hidden = true;
  context.drawImage(source, 0, 0);
  $("savePicture").disabled = false;
  $("saveJson").disabled = !answer;
  if (!answer) return;
  const model = state.models[answer.model];
  const people = surePeople();
  for (const person of people.toReversed()) drawPerson(person, model);
  const named = $("names").checked ? people : people.filter((person) => person.index === state.pointed);
  for (const person of named) namePoints(person);
}

function thickness(person) {
  const size = Math.sqrt(canvas.width * canvas.height);
  return Math.max(1.5, Math.min(Math.max(Math.max(person.box[2], person.box[3]) / 45, size / 400), size / 90));
}

function namePoints(person) {
  const high = 2.5 * thickness(person);
  for (const [name, point] of Object.entries(person.keypoints)) {
    label(name.replace("_", " "), point.x, point.y, high, name.startsWith("right_") ? -1 : 1); // away from the middle
  }
}

// The person whose box is under the pointer; of several the one with the nearest keypoint
function pointAt(event) {
  const area = canvas.getBoundingClientRect();
  const x = (event.clientX - area.left) * canvas.width / area.width, y = (event.clientY - area.top) * canvas.height / area.height;
  const far = ({ keypoints }) => Math.min(...Object.values(keypoints).map((point) => Math.hypot(point.x - x, point.y - y)));
  const under = surePeople().filter(({ box: [left, top, wide, high] }) => {
    const room = 0.1 * Math.max(wide, high);
    return x >= left - room && x <= left + wide + room && y >= top - room && y <= top + high + room;
  });
  const pointed = under.sort((one, other) => far(one) - far(other))[0]?.index ?? null;
  if (pointed === state.pointed) return;
  state.pointed = pointed;
  draw();
}

function drawPerson(person, model) {
  const names = model.spec.skeleton.keypoints, points = person.keypoints;
  const thick = thickness(person);
  const limbs = model.drawn_limbs.map(([a, b]) => [names[a], names[b]]).filter(([a, b]) => points[a] && points[b]);
  const colour = (name) => (name.startsWith("left_") ? LEFT : name.startsWith("right_") ? RIGHT : MIDDLE);
  const line = (a, b, style, width) => {
    Object.assign(context, { strokeStyle: style, lineWidth: width, lineCap: "round" });
    context.beginPath();
    context.moveTo(points[a].x + 0.5, points[a].y + 0.5);
    context.lineTo(points[b].x + 0.5, points[b].y + 0.5);
    context.stroke();
  };
  const dot = (name, style, radius) => {
    context.fillStyle = style;
    context.beginPath();
    context.arc(points[name].x + 0.5, points[name].y + 0.5, radius, 0, 2 * Math.PI);
    context.fill();
  };
  for (const [a, b] of limbs) line(a, b, OUTLINE, thick * 1.7);
  for (const name of Object.keys(points)) dot(name, OUTLINE, thick * 1.2);
  for (const [a, b] of limbs) line(a, b, colour(a) === MIDDLE ? colour(b) : colour(a), thick);
  for (const name of Object.keys(points)) dot(name, colour(name), thick * 0.9);
  if (person.id !== undefined) label(`#${person.id}`, person.box[0], person.box[1], 5 * thick);
}

function label(text, x, y, size, side = 1) {
  const high = Math.max(size, 11);
  context.font = `600 ${high}px system-ui, sans-serif`;
  context.lineWidth = high / 5;
  context.strokeStyle = OUTLINE;
  context.fillStyle = "#fff";
  const wide = context.measureText(text).width;
  const wanted = side > 0 ? x + high / 2 : x - high / 2 - wide;
  const left = Math.max(high / 2, Math.min(wanted, canvas.width - wide - high / 2));
  const below = Math.max(y, high * 1.2);
  context.strokeText(text, left, below);
  context.fillText(text, left, below);
}

function describe() {
  const { answer } = state, people = surePeople();
  const count = people.length === 1 ? "1 person" : `${people.length || "No"} people`;
  canvas.setAttribute("aria-label", `${count} in a picture of ${answer.width} by ${answer.height} pixels`);
  const pace = answer.rate ? `${answer.rate.toFixed(1)} frames a second` : `${Math.round(answer.ms)} ms`;
  say(`${count} · ${answer.width} × ${answer.height} · ${pace}`);
  $("details").hidden = false;
  $("people").replaceChildren(...people.map((person, index) => {
    const row = document.createElement("tr");
    const cells = [person.id ?? index + 1, person.score.toFixed(2), Object.keys(person.keypoints).length,
      person.box.map(Math.round).join(", ")];
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// What the user does

$("file").addEventListener("change", (event) => choose(event.target.files[0]));
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
}
addEventListener("dragleave", () => $("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  choose(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => choose(event.clipboardData.files[0]));
$("sample").addEventListener("click", trySample);
for (const kind of ["pointermove", "pointerdown"]) canvas.addEventListener(kind, pointAt);
canvas.addEventListener("pointerleave", () => { state.pointed = null; draw(); });
$("camera").addEventListener("click", () => (state.stream ? (stopCamera(), say("The camera is off.")) : startCamera()));
$("model").addEventListener("change", () => {
  if (state.stream) { stopCamera(); startCamera(); } else if (state.file) lookAtPicture();
});
$("threshold").addEventListener("input", (event) => {
  $("shown").value = Number(event.target.value).toFixed(2);
  if (state.answer) show(state.answer);
});
$("names").addEventListener("change", draw);
$("key").addEventListener("change", loadModels);
$("saveJson").addEventListener("click", () => {
  const { rate, ...answer } = state.answer;
  save(new Blob([JSON.stringify({ ...answer, people: surePeople().map(({ index, ...person }) => person) }, null, 1)], { type: "application/json" }), `${state.name}.json`);
});
$("savePicture").addEventListener("click", () => canvas.toBlob((blob) => save(blob, `${state.name}.poses.png`)));
loadModels();

/**
 * Builds: `node build.mjs [package] [site] [tests]`; NAME=FOLDER writes to another folder.
 *
 *   package  dist/: the library, its types and the model; what `npm pack` packs
 *   site     build/site/: the live demo as a static site, with its models and LiteRT.js's WebAssembly
 *   tests    build/tests/: the tests, for `node --test`
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const WEB = dirname(fileURLToPath(import.meta.url));
const MODELS = join(WEB, "..", "saved_models");
const LITERT = dirname(dirname(createRequire(import.meta.url).resolve("@litertjs/core")));
const COMMON = { bundle: true, target: "es2022", logLevel: "warning", absWorkingDir: WEB };

/** An empty folder. */
function emptied(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function copyModel(name, folder) {
  mkdirSync(folder, { recursive: true });
  cpSync(join(MODELS, name, "model.tflite"), join(folder, `${name}.tflite`));
}

async function buildPackage(out) {
  await build({
    ...COMMON,
    entryPoints: ["src/index.ts"],
    outfile: join(out, "index.js"),
    format: "esm",
    external: ["@litertjs/core"],
    sourcemap: true,
  });
  execFileSync(process.execPath, [join(WEB, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.types.json", "--outDir", join(out, "types")], {
    cwd: WEB,
    stdio: "inherit",
  });
  copyModel("tfpose_s", join(out, "models"));
  cpSync(join(WEB, "..", "LICENSE"), join(out, "LICENSE"));
}

async function buildSite(out) {
  const options = { ...COMMON, outdir: out, minify: true };
  await build({ ...options, entryPoints: ["demo/live.ts"], format: "esm" });
  await build({ ...options, entryPoints: ["demo/worker.ts"], format: "iife" }); // LiteRT.js imports scripts
  for (const name of ["index.html", "live.css", "icon.svg", "manifest.webmanifest"]) {
    cpSync(join(WEB, "demo", name), join(out, name));
  }
  cpSync(join(MODELS, "..", "estimator", "pictures", "sample.jpg"), join(out, "sample.jpg"));
  for (const name of ["tfpose_s", "tfpose_s_float16"]) copyModel(name, join(out, "models"));
  cpSync(join(LITERT, "wasm"), join(out, "wasm"), {
    recursive: true,
    filter: (path) => !path.includes("jspi"), // for WebNN, which the demo does not use
  });
  const files = filesOf(out);
  await build({
    ...options,
    entryPoints: ["demo/offline.ts"],
    format: "iife",
    define: { FILES: JSON.stringify(files), VERSION: JSON.stringify(versionOf(out, files)) },
  });
}

/** The files of a folder as addresses below it, sorted. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => name.replaceAll("\\", "/"))
    .sort();
}

/** Changes whenever a file does. */
function versionOf(folder, files) {
  const hash = createHash("sha256");
  for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 16);
}

async function buildTests(out) {
  const tests = readdirSync(join(WEB, "tests")).filter((name) => name.endsWith(".ts"));
  await build({
    ...COMMON,
    entryPoints: tests.map((name) => join("tests", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    sourcemap: "inline",
  });
}

const TASKS = { package: [buildPackage, "dist"], site: [buildSite, "build/site"], tests: [buildTests, "build/tests"] };
const wanted = process.argv.slice(2);
for (const argument of wanted.length ? wanted : ["package", "site"]) {
  const [name, folder] = argument.split("=");
  if (!TASKS[name]) throw new Error(`unknown '${name}'; there are ${Object.keys(TASKS).join(", ")}`);
  const [task, usual] = TASKS[name];
  await task(emptied(folder ? resolve(folder) : join(WEB, usual)));
}

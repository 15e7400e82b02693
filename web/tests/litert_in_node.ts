/** Lets LiteRT.js, which is made for browsers, run in Node: its loader finds what it asks for. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import vm from "node:vm";
import { loadRuntime } from "../src/network";

/**
 * Loads LiteRT.js from the packages of `web`.
 *
 * @param web the folder `web`.
 */
export async function loadInNode(web: string): Promise<void> {
  const litert = createRequire(join(web, "package.json")).resolve("@litertjs/core");
  const folder = join(dirname(dirname(litert)), "wasm/");
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(folder),
    __filename: join(folder, "litert.js"),
    __dirname: folder,
    importScripts: (path: string) => vm.runInThisContext(readFileSync(path, "utf8"), { filename: path }),
  });
  console.log = console.info = console.warn = console.error = () => undefined; // standard output is the answer's
  await loadRuntime(folder);
}

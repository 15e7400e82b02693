/** Whether this browser has the WebAssembly that LiteRT.js needs. */

/**
 * The smallest module with an instruction of 128 bits, in WebAssembly's binary format
 * (webassembly.github.io/spec/core/binary): one function that makes a vector of zeros and drops it.
 */
const MODULE = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version 1
  ...[1, 4, 1, 0x60, 0, 0], // types: () -> ()
  ...[3, 2, 1, 0], // functions: one, of type 0
  ...[10, 23, 1, 21, 0, 0xfd, 12, ...new Array<number>(16).fill(0), 0x1a, 0x0b], // v128.const 0, drop
];

/** Whether WebAssembly with SIMD is there: since Chrome 91, Firefox 89 and Safari 16.4. */
export function hasSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(new Uint8Array(MODULE));
}

/**
 * Gives a .tflite another input size.
 *
 * LiteRT.js 2.5.3 runs a graph at the size that its file states: its API has no resize, which LiteRT
 * elsewhere has. A flexible graph has no constant that depends on the size, only the stated shapes of
 * its maps do, so these are written anew: (1, h, w, C) where h and w are the input's height and width
 * over one stride. Offsets are those of TFLite's schema (`schema.fbs`, file identifier TFL3).
 */

const IDENTIFIER = "TFL3";
const SUBGRAPHS = 2; // fields of Model
const BUFFERS = 4;
const TENSORS = 0; // fields of SubGraph
const SHAPE = 0; // fields of Tensor
const BUFFER = 2;
const SIGNATURE = 7; // the shape, with -1 for unknown sizes
const DATA = 0; // field of Buffer

/** Pixels of a network's input. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/**
 * A copy of the model for inputs of another size.
 *
 * @param file the .tflite.
 * @param from the size that the file was made for.
 * @param to the wanted size, in multiples that the graph can halve.
 * @throws Error not a .tflite.
 */
export function resized(file: Uint8Array, from: Size, to: Size): Uint8Array {
  const copy = file.slice();
  const tables = new Tables(copy);
  const written = new Set<number>();
  for (const graph of tables.vector(tables.root, SUBGRAPHS)) {
    for (const tensor of tables.vector(graph, TENSORS)) {
      if (tables.holdsData(tensor)) continue;
      for (const field of [SHAPE, SIGNATURE]) tables.rewrite(tensor, field, from, to, written);
    }
  }
  return copy;
}

/** Reads and writes a flatbuffer in place. */
class Tables {
  readonly root: number;
  private readonly view: DataView;
  private readonly filled: readonly boolean[];

  constructor(file: Uint8Array) {
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    if (file.byteLength < 8 || String.fromCharCode(...file.subarray(4, 8)) !== IDENTIFIER) {
      throw new Error("not a .tflite: its identifier is not TFL3");
    }
    this.root = this.indirect(0);
    this.filled = this.vector(this.root, BUFFERS).map((buffer) => {
      const data = this.field(buffer, DATA);
      return data > 0 && this.uint32(this.indirect(data)) > 0;
    });
  }

  /** The places of the tables of a vector; none where the field is missing. */
  vector(table: number, field: number): number[] {
    const at = this.field(table, field);
    if (!at) return [];
    const begin = this.indirect(at);
    return Array.from({ length: this.uint32(begin) }, (_, index) => this.indirect(begin + 4 + 4 * index));
  }

  /** Whether a tensor is a constant. */
  holdsData(tensor: number): boolean {
    const at = this.field(tensor, BUFFER);
    return at > 0 && this.filled[this.uint32(at)];
  }

  /** Writes the height and width of a tensor's map, if it is one of the input's aspect. */
  rewrite(tensor: number, field: number, from: Size, to: Size, written: Set<number>): void {
    const at = this.field(tensor, field);
    if (!at) return;
    const begin = this.indirect(at); // several tensors may share one shape
    if (written.has(begin) || this.uint32(begin) !== 4) return;
    const height = this.view.getInt32(begin + 8, true);
    const width = this.view.getInt32(begin + 12, true);
    const stride = from.height / height;
    if (height < 2 || width < 2 || !Number.isInteger(stride) || from.width / width !== stride) return;
    written.add(begin);
    this.view.setInt32(begin + 8, Math.ceil(to.height / stride), true);
    this.view.setInt32(begin + 12, Math.ceil(to.width / stride), true);
  }

  /** The place of a table's field; 0 where it is missing. */
  private field(table: number, index: number): number {
    const layout = table - this.view.getInt32(table, true);
    const slot = 4 + 2 * index;
    const offset = slot < this.view.getUint16(layout, true) ? this.view.getUint16(layout + slot, true) : 0;
    return offset && table + offset;
  }

  private indirect(at: number): number {
    return at + this.uint32(at);
  }

  private uint32(at: number): number {
    return this.view.getUint32(at, true);
  }
}

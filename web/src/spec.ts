/**
 * The contract of a model, as the package's `estimator/spec.py` writes it: JSON in the file itself.
 *
 * In a .tflite it is a member, stored without compression, of a zip archive that follows the
 * flatbuffer. The archive's end names its directory, the directory the member.
 */

/** Keypoints in the order of the heatmaps' channels, and the limbs between them. */
export interface Skeleton {
  readonly name: string;
  readonly keypoints: readonly string[];
  /** Pairs of keypoint indices; limb i owns the channels 2 i (x) and 2 i + 1 (y) of the fields. */
  readonly limbs: readonly (readonly [number, number])[];
  /** Indices into `limbs` of those that close a loop: they confirm a person and are not drawn. */
  readonly redundant_limbs: readonly number[];
  /** Falloffs of OKS, one a keypoint. */
  readonly sigmas: readonly number[];
}

/** How maps are read; `estimator/decoders/paf/__init__.py` documents each value. */
export interface Parameters {
  readonly min_peak: number;
  readonly min_weak_peak: number;
  readonly samples: number;
  readonly min_field: number;
  readonly min_share: number;
  readonly min_keypoints: number;
  readonly missing_limb_prior: number;
  readonly localisation_error: number;
  readonly max_peaks: number;
  readonly offset_y: number;
}

/** The parts of a PoseSpec that the browser needs. */
export interface PoseSpec {
  readonly model: string;
  readonly skeleton: Skeleton;
  readonly image: {
    /** Pixels of the network's input that the file was made for. */
    readonly height: number;
    readonly width: number;
    /** Height and width must be multiples of this number of pixels. */
    readonly multiple: number;
    /** The graph takes other multiples, too. */
    readonly flexible: boolean;
    /** Factor on the pixels, which are 0..255. */
    readonly scale: number;
  };
  /** Input pixels per cell of the maps, and whether the last heatmap is the background. */
  readonly outputs: { readonly stride: number; readonly background: boolean };
  readonly decoder: Parameters;
}

export const DEFAULTS: Parameters = {
  min_peak: 0.1,
  min_weak_peak: 0.03,
  samples: 10,
  min_field: 0.05,
  min_share: 0.8,
  min_keypoints: 3,
  missing_limb_prior: 3.0,
  localisation_error: 0.3,
  max_peaks: 256,
  offset_y: 0,
};

const MEMBER = "pose_spec.json";
const RENAMED: Record<string, string> = { doubt: "missing_limb_prior", error: "localisation_error" };
const FORMAT = 1;
const END = 0x06054b50; // "PK\5\6", the end of a zip's directory
const ENTRY = 0x02014b50; // "PK\1\2", an entry of it
const END_BYTES = 22;
const STORED = 0;

/**
 * Reads the spec of a .tflite.
 *
 * @param file the whole file.
 * @throws Error the file carries no spec, or one that this program cannot serve; says which.
 */
export function readSpec(file: Uint8Array): PoseSpec {
  const text = readMember(file);
  if (text === null) throw new Error(`the model carries no ${MEMBER}: export it with \`tfpose export\``);
  return parseSpec(text);
}

/**
 * Reads a spec's JSON.
 *
 * @throws Error not JSON, of a newer format, or of a network without part affinity fields.
 */
export function parseSpec(text: string): PoseSpec {
  const tree = JSON.parse(text);
  if (!(tree.format >= 1 && tree.format <= FORMAT)) {
    throw new Error(`${MEMBER} has format ${tree.format}, this tfpose reads up to ${FORMAT}`);
  }
  const { name, ...given } = tree.decoder;
  if (name !== "paf" || tree.image.fit !== "letterbox" || tree.outputs.pafs === false) {
    throw new Error(`${tree.model} is read by the decoder '${name}'; in the browser there is 'paf' only`);
  }
  const renamed = Object.entries(given).map(([key, value]) => [RENAMED[key] ?? key, value]);
  return {
    model: tree.model,
    skeleton: { redundant_limbs: [], ...tree.skeleton },
    image: { flexible: false, scale: 1, ...tree.image },
    outputs: { background: true, ...tree.outputs },
    decoder: { ...DEFAULTS, ...Object.fromEntries(renamed) },
  };
}

/** The text of the zip's member, or null where there is no zip, or no such member. */
function readMember(file: Uint8Array): string | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = findEnd(view);
  if (end < 0) return null;
  const count = view.getUint16(end + 10, true);
  // Offsets count from the archive's beginning, which may lie behind a flatbuffer.
  const directory = end - view.getUint32(end + 12, true);
  const shift = directory - view.getUint32(end + 16, true);
  let at = directory;
  for (let index = 0; index < count; index++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("the model's zip directory is damaged");
    const nameBytes = view.getUint16(at + 28, true);
    if (ascii(file, at + 46, nameBytes) === MEMBER) return readEntry(file, view, at, shift);
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return null;
}

function readEntry(file: Uint8Array, view: DataView, at: number, shift: number): string {
  if (view.getUint16(at + 10, true) !== STORED) throw new Error(`${MEMBER} is compressed`);
  const local = view.getUint32(at + 42, true) + shift;
  const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  return new TextDecoder().decode(file.subarray(begin, begin + view.getUint32(at + 20, true)));
}

function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_BYTES - 0xffff);
  for (let at = view.byteLength - END_BYTES; at >= first; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  return -1;
}

function ascii(file: Uint8Array, begin: number, count: number): string {
  return String.fromCharCode(...file.subarray(begin, begin + count));
}

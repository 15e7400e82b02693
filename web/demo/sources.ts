/** Where pictures come from: the camera, a video file, a picture. */

const FRAME_SIDE = 1280; // pixels of the longer side of a camera's frame, at most
const PICTURE_SIDE = 1920; // of a picture or video frame as it is shown

/** Pictures, one or many. */
export interface PictureSource {
  /** For the file of results. */
  readonly name: string;
  /** Whether pictures follow each other. */
  readonly moving: boolean;
  /** The latest picture, and its time in seconds; null while the same is still there. */
  next(): Promise<{ frame: ImageBitmap; time: number } | null>;
  pause(paused: boolean): void;
  close(): void;
}

/** Opens the camera. */
export async function openCamera(video: HTMLVideoElement, facing: string): Promise<PictureSource> {
  if (!navigator.mediaDevices) throw new Error("There is no camera here: pages may use one over https or on localhost only.");
  let stream: MediaStream;
  try {
    const wanted = { facingMode: facing, width: { ideal: 640, max: FRAME_SIDE }, height: { ideal: 480 } };
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: wanted });
  } catch (error) {
    throw new Error(cameraError(error));
  }
  video.srcObject = stream;
  await video.play();
  return new Moving(video, "camera", () => stream.getTracks().forEach((track) => track.stop()));
}

function cameraError(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The camera was not allowed. Allow it in the address bar, or choose a file.";
  if (name === "NotFoundError") return "No camera was found. Choose a picture or a video instead.";
  if (name === "NotReadableError") return "Another program has the camera.";
  return `The camera cannot be used: ${String(error)}`;
}

/** Opens a picture or video file. */
export async function openFile(video: HTMLVideoElement, file: File): Promise<PictureSource> {
  if (!file.type.startsWith("video/")) return openPicture(file, file.name);
  const address = URL.createObjectURL(file);
  video.srcObject = null;
  video.src = address;
  try {
    await video.play();
  } catch (error) {
    URL.revokeObjectURL(address);
    throw new Error(`${file.name} cannot be played by this browser: ${String(error)}`);
  }
  return new Moving(video, file.name, () => URL.revokeObjectURL(address));
}

/** Opens an encoded picture; a photo's orientation is kept. */
export async function openPicture(file: Blob, name: string): Promise<PictureSource> {
  let whole: ImageBitmap;
  try {
    whole = await createImageBitmap(file);
  } catch {
    throw new Error(`${name} is no picture that this browser reads.`);
  }
  return {
    name,
    moving: false,
    next: async () => ({ frame: await shrunk(whole, whole.width, whole.height), time: 0 }),
    pause: () => undefined,
    close: () => whole.close(),
  };
}

/** A playing video element. */
class Moving implements PictureSource {
  readonly moving = true;
  private last = -1;

  constructor(
    private readonly video: HTMLVideoElement,
    readonly name: string,
    private readonly release: () => void,
  ) {}

  async next(): Promise<{ frame: ImageBitmap; time: number } | null> {
    const { video } = this;
    const time = video.currentTime;
    if (time === this.last || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    this.last = time;
    return { frame: await shrunk(video, video.videoWidth, video.videoHeight), time };
  }

  pause(paused: boolean): void {
    if (paused) this.video.pause();
    else void this.video.play();
  }

  close(): void {
    this.video.pause();
    this.release();
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    this.video.load();
  }
}

/** A copy of a picture, of PICTURE_SIDE at most. */
function shrunk(source: ImageBitmapSource, width: number, height: number): Promise<ImageBitmap> {
  const factor = PICTURE_SIDE / Math.max(width, height);
  if (factor >= 1) return createImageBitmap(source);
  const [resizeWidth, resizeHeight] = [Math.round(width * factor), Math.round(height * factor)];
  return createImageBitmap(source, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

/** Where frames come from: a camera, or a video file that plays. */

export interface Eye {
  readonly video: HTMLVideoElement;
  close(): void;
}

/** Longest side of what is asked about: a detector sees no more, and a frame travels faster. */
const MOST_SIDE = 1024;
const QUALITY = 0.85;

export async function openCamera(): Promise<Eye> {
  if (navigator.mediaDevices === undefined) throw new Error("this browser gives pages no camera");
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
  const video = silent();
  video.srcObject = stream;
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  return playing(video, close, (error) => reasonOf(error));
}

export async function openFile(file: File): Promise<Eye> {
  const video = silent();
  const address = URL.createObjectURL(file);
  video.src = address;
  video.loop = true;
  const close = () => {
    video.pause();
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  };
  return playing(video, close, () => `${file.name} is no video that this browser plays; an MP4 with H.264 is one`);
}

/** An eye has a video of its own: one that opens must not disturb one that closes. */
function silent(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.hidden = true;
  document.body.append(video); // what is in no page some browsers do not play
  return video;
}

async function playing(video: HTMLVideoElement, letGo: () => void, reason: (error: unknown) => string): Promise<Eye> {
  const close = () => {
    letGo();
    video.remove();
  };
  try {
    await video.play();
  } catch (error) {
    close();
    throw new Error(reason(error), { cause: error });
  }
  return { video, close };
}

/** What is seen now as a JPEG; null: nothing yet. */
export async function frameOf(video: HTMLVideoElement): Promise<Blob | null> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  canvas.getContext("2d")!.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}

function reasonOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "the camera was not allowed; allow it beside the address of this page";
  if (name === "NotFoundError") return "there is no camera; choose a video file instead";
  if (name === "NotReadableError") return "another program uses the camera";
  return `the camera cannot be used (${String(error)})`;
}

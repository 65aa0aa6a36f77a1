/** Decoded pictures: that of the image one is at, and of those that come next. */

import { readPicture } from "../api/client";

const MOST = 6;
const kept = new Map<string, Promise<ImageBitmap>>();
const decoded = new Map<string, ImageBitmap>();

/** The picture of an image, if it is there already: it is shown in the same frame as the boxes. */
export const pictureAtHand = (project: string, image: string): ImageBitmap | null =>
  decoded.get(`${project}/${image}`) ?? null;

/** The picture of an image; asked for twice it is fetched once. One that could not be had is fetched anew next time. */
export function picture(project: string, image: string): Promise<ImageBitmap> {
  const key = `${project}/${image}`;
  const known = kept.get(key);
  if (known !== undefined) {
    kept.delete(key);
    kept.set(key, known);
    return known;
  }
  const coming = readPicture(project, image).then((content) => createImageBitmap(content));
  kept.set(key, coming);
  coming.then(
    (bitmap) => kept.get(key) === coming && decoded.set(key, bitmap),
    () => kept.delete(key),
  );
  for (const [old, gone] of kept) {
    if (kept.size <= MOST) break;
    kept.delete(old);
    decoded.delete(old);
    void gone.then(
      (bitmap) => bitmap.close(),
      () => undefined,
    );
  }
  return coming;
}

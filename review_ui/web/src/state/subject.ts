/** What an operation is about. */

import type { Operation } from "../api/types";

/** The box, or the image where no box is named. */
export const subjectOf = (op: Operation): string => ("box_id" in op && op.box_id) || `image:${op.image_id}`;

// Which part of a photo its thumbnail shows: the faces, where it cannot show the whole.

const RATIO = 4 / 3; // of thumbnails, as the style sheets have it

/** Move the picture of a thumbnail so that the middle of all faces is as near to its middle as the picture allows. */
export function centreFaces(picture, { image, detection_results: { faces } }) {
  if (!faces.length) return;
  const seen = image.width / image.height / RATIO; // times as wide as the thumbnail
  const middleOf = (axis) => {
    const edges = faces.flatMap(({ box }) => [box[axis], box[axis] + box[axis + 2]]);
    return (Math.min(...edges) + Math.max(...edges)) / 2;
  };
  picture.style.objectPosition = seen > 1
    ? `${offset(middleOf(0) / image.width, 1 / seen)} 50%`
    : `50% ${offset(middleOf(1) / image.height, seen)}`;
}

/** The position that shows a point of the picture in the middle of the part that is seen; both are shares of it. */
function offset(point, part) {
  if (part === 1) return "50%";
  return `${(100 * Math.min(1, Math.max(0, (point - part / 2) / (1 - part)))).toFixed(1)}%`;
}

// Zooms and moves a picture within its frame: by buttons, keys, wheel, double click, or two fingers.

const MAX_FACTOR = 8;
const FACTOR_STEP = 1.5;
const DOUBLE_CLICK_FACTOR = 2.5;
const KEY_MOVE_PX = 60;
const MAX_CLICK_PX = 5; // A pointer that moves farther drags.

export class Zoom {
  #frame;
  #layer;
  #size;
  #onResize;
  #factor = 1;
  #x = 0;
  #y = 0;
  #pointers = new Map();
  #movedPx = 0;

  /**
   * @param {HTMLElement} frame  what clips the picture
   * @param {HTMLElement} layer  the picture with all that lies on it
   * @param {{width: number, height: number}} size  the picture's own
   * @param {(area: {width: number, height: number}, view: Object) => void} onResize  called with the size of the layer in CSS
   *   pixels, and with the part of it that the frame shows
   */
  constructor(frame, layer, size, onResize) {
    this.#frame = frame;
    this.#layer = layer;
    this.#size = size;
    this.#onResize = onResize;
    new ResizeObserver(() => this.#layOut()).observe(frame);
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("dblclick", (event) => this.#toggle(event));
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      frame.addEventListener(end, ({ pointerId }) => this.#pointers.delete(pointerId));
    }
  }

  /** Whether the pointer that just went up had moved the picture, so that it did not click. */
  get wasDragged() {
    return this.#movedPx > MAX_CLICK_PX;
  }

  in() {
    this.#scale(this.#factor * FACTOR_STEP);
  }

  out() {
    this.#scale(this.#factor / FACTOR_STEP);
  }

  fit() {
    this.#scale(1);
  }

  /** Move the picture until a place, in shares of it, can be seen. */
  reveal({ x, y, width, height }) {
    if (this.#factor === 1) return;
    const { clientWidth, clientHeight } = this.#frame;
    const [w, h] = [this.#layer.offsetWidth, this.#layer.offsetHeight];
    const isSeen = this.#x + x * w >= 0 && this.#y + y * h >= 0
      && this.#x + (x + width) * w <= clientWidth && this.#y + (y + height) * h <= clientHeight;
    if (isSeen) return;
    this.#x = clientWidth / 2 - (x + width / 2) * w;
    this.#y = clientHeight / 2 - (y + height / 2) * h;
    this.#layOut();
  }

  /** Zoom so that the point of the picture under `at` (in the frame) stays where it is. */
  #scale(factor, at = { x: this.#frame.clientWidth / 2, y: this.#frame.clientHeight / 2 }) {
    const next = Math.min(MAX_FACTOR, Math.max(1, factor));
    const ratio = next / this.#factor;
    this.#x = at.x - (at.x - this.#x) * ratio;
    this.#y = at.y - (at.y - this.#y) * ratio;
    this.#factor = next;
    this.#layOut();
  }

  #layOut() {
    const { clientWidth, clientHeight } = this.#frame;
    const fit = Math.min(clientWidth / this.#size.width, clientHeight / this.#size.height);
    const width = this.#size.width * fit * this.#factor;
    const height = this.#size.height * fit * this.#factor;
    this.#x = clampOffset(this.#x, clientWidth, width);
    this.#y = clampOffset(this.#y, clientHeight, height);
    Object.assign(this.#layer.style, {
      width: `${width}px`, height: `${height}px`, transform: `translate(${this.#x}px, ${this.#y}px)`,
    });
    this.#frame.classList.toggle("is-zoomed", this.#factor > 1);
    if (!width || !height) return;
    const [x, y] = [Math.max(0, -this.#x), Math.max(0, -this.#y)];
    this.#onResize({ width, height }, { x, y, width: Math.min(width - x, clientWidth), height: Math.min(height - y, clientHeight) });
  }

  #inFrame({ clientX, clientY }) {
    const { x, y } = this.#frame.getBoundingClientRect();
    return { x: clientX - x, y: clientY - y };
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // A bare wheel scrolls the page.
    event.preventDefault();
    this.#scale(this.#factor * Math.exp(-event.deltaY / 200), this.#inFrame(event));
  }

  #toggle(event) {
    this.#scale(this.#factor > 1 ? 1 : DOUBLE_CLICK_FACTOR, this.#inFrame(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key === "+" || event.key === "=") this.in();
    else if (event.key === "-") this.out();
    else if (event.key === "0") this.fit();
    else if (moves[event.key] && this.#factor > 1) this.#shift(...moves[event.key].map((step) => step * KEY_MOVE_PX));
    else return;
    event.preventDefault();
  }

  #shift(x, y) {
    this.#x += x;
    this.#y += y;
    this.#layOut();
  }

  #down(event) {
    if (!this.#pointers.size) this.#movedPx = 0;
    this.#pointers.set(event.pointerId, this.#inFrame(event));
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#inFrame(event);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    this.#pointers.set(event.pointerId, now);
    this.#movedPx += Math.hypot(now.x - before.x, now.y - before.y);
    if (others.length) {
      const ratio = distance(now, others[0]) / Math.max(1, distance(before, others[0]));
      this.#scale(this.#factor * ratio, { x: (now.x + others[0].x) / 2, y: (now.y + others[0].y) / 2 });
    } else if (this.#factor > 1 && this.wasDragged) {
      this.#frame.setPointerCapture(event.pointerId);
      this.#shift(now.x - before.x, now.y - before.y);
    }
  }
}

/** Where the picture begins: centred where it is smaller than its frame, else covering it. */
function clampOffset(offset, available, size) {
  return size <= available ? (available - size) / 2 : Math.min(0, Math.max(available - size, offset));
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

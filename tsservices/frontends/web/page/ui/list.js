// @ts-check
/**
 * A list with elements only for the rows on the screen. Rows have any height, guessed until they
 * are drawn. The visible rows stay in place while rows above them change.
 */
import { Heights } from "../core/heights.js";
import { element, onceAFrame } from "./dom.js";

/** @typedef {import("../core/history.js").Line} Line */

/**
 * @typedef {object} Rows
 * @property {(line: Line, previous: Line | undefined) => string} state the other things its look
 *   depends on: a new state is drawn again
 * @property {(line: Line, previous: Line | undefined) => HTMLElement} draw
 * @property {(line: Line, width: number) => number} guess its height
 */

/** Pixels above and below the screen that are drawn too. */
const MARGIN = 400;

/** Pixels from the end that count as the end. */
const NEAR_END = 24;

export class MessageList {
  /**
   * @param {HTMLElement} view that scrolls
   * @param {Rows} rows
   * @param {() => void} moved after each scroll and change
   */
  constructor(view, rows, moved) {
    this.view = view;
    this.rows = rows;
    this.moved = moved;
    this.head = element("div", { class: "list-head" });
    this.window = element("div", { class: "list-window" });
    this.canvas = element("div", { class: "list-canvas" }, this.head, this.window);
    view.append(this.canvas);
    /** @type {Line[]} */
    this.lines = [];
    this.heights = new Heights();
    /** @type {Map<Line, {node: HTMLElement, state: string}>} */
    this.drawn = new Map();
    this.first = this.last = 0;
    this.atEnd = true;
    /** Whether a view at the end stays there on new lines. */
    this.sticks = true;
    this.width = this.height = 0;
    this.headHeight = 0;
    this.scrollTop = 0;
    this.drawSoon = onceAFrame(() => this.draw());
    view.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(view);
  }

  resized() {
    const { clientWidth, clientHeight } = this.view;
    if (!clientHeight) return;
    const wrapped = this.width !== clientWidth;
    this.height = clientHeight;
    if (wrapped) {
      this.width = clientWidth;
      for (const line of this.lines) line.height = 0;
      this.changed();
    }
    this.draw();
  }

  scrolled() {
    const before = this.scrollTop;
    this.scrollTop = this.view.scrollTop;
    if (Math.abs(before - this.scrollTop) < 1) return;
    this.atEnd = this.scrollTop + this.height >= this.total - NEAR_END;
    this.drawSoon();
  }

  get total() {
    return this.headHeight + this.heights.total;
  }

  /** Show other lines. @param {Line[]} lines @param {boolean} atEnd */
  show(lines, atEnd) {
    this.lines = lines;
    this.atEnd = atEnd;
    for (const { node } of this.drawn.values()) node.remove();
    this.drawn.clear();
    this.measureAll();
    this.draw();
  }

  measureAll() {
    const { lines, width, rows } = this;
    this.heights.reset(lines.length, (index) => lines[index].height || rows.guess(lines[index], width));
  }

  /** Add lines at the end. */
  appended() {
    while (this.heights.length < this.lines.length) {
      this.heights.push(this.rows.guess(this.lines[this.heights.length], this.width));
    }
    this.drawSoon();
  }

  /** Handle any change: of lines, more anywhere, or less. @param {Line[]} [lines] */
  changed(lines = this.lines) {
    const anchor = this.anchor();
    this.lines = lines;
    this.measureAll();
    this.restore(anchor);
    this.drawSoon();
  }

  /** The row at the top of the screen, and its place. */
  anchor() {
    if ((this.atEnd && this.sticks) || !this.heights.length) return null;
    const place = this.view.scrollTop - this.headHeight;
    const index = this.heights.find(place);
    const line = this.lines[index];
    return line && { line, offset: this.heights.top(index) - place, index };
  }

  /** @param {{line: Line, offset: number, index: number} | null} anchor */
  restore(anchor) {
    if (!anchor) return;
    let { index } = anchor;
    if (this.lines[index] !== anchor.line) index = this.lines.indexOf(anchor.line);
    if (index < 0) return;
    this.canvas.style.height = `${this.total}px`;
    this.scrollTo(this.headHeight + this.heights.top(index) - anchor.offset);
  }

  /** @param {number} place */
  scrollTo(place) {
    if (Math.abs(this.view.scrollTop - place) >= 1) this.view.scrollTop = place;
    this.scrollTop = this.view.scrollTop;
  }

  draw() {
    if (!this.height) return;
    // Rows smaller than guessed leave room for others.
    for (let round = 0; round < 4 && this.drawRows(); round++);
    this.moved();
  }

  /** @returns {boolean} whether heights differed from guesses */
  drawRows() {
    const { heights, lines, view } = this;
    this.headHeight = this.head.offsetHeight;
    const anchor = this.anchor();
    const stays = this.atEnd && this.sticks;
    if (stays) this.scrollTop = Math.max(0, this.total - this.height);
    const place = this.scrollTop - this.headHeight;
    const first = lines.length ? heights.find(place - MARGIN) : 0;
    const last = lines.length ? heights.find(place + this.height + MARGIN) + 1 : 0;
    const fresh = this.fill(first, last);
    this.window.style.transform = `translateY(${this.headHeight + heights.top(first)}px)`;
    let different = false;
    for (const [index, node] of fresh) {
      const height = node.getBoundingClientRect().height;
      lines[index].height = height;
      if (Math.abs(heights.values[index] - height) > 0.01) {
        heights.set(index, height);
        different = true;
      }
    }
    this.canvas.style.height = `${this.total}px`;
    if (stays) this.scrollTo(Math.max(0, this.total - this.height));
    else if (different) this.restore(anchor);
    this.atEnd = this.scrollTop + this.height >= this.total - NEAR_END;
    if (different) this.window.style.transform = `translateY(${this.headHeight + heights.top(first)}px)`;
    this.first = first;
    this.last = last;
    void view;
    return different;
  }

  /** @param {number} first @param {number} last @returns {[number, HTMLElement][]} new rows */
  fill(first, last) {
    const { lines, drawn, rows } = this;
    /** @type {[number, HTMLElement][]} */
    const fresh = [];
    const kept = new Set(lines.slice(first, last));
    for (const [line, { node }] of drawn) {
      if (kept.has(line)) continue;
      node.remove();
      drawn.delete(line);
    }
    let place = this.window.firstElementChild;
    for (let index = first; index < last; index++) {
      const line = lines[index], previous = lines[index - 1];
      const state = rows.state(line, previous);
      let row = drawn.get(line);
      if (!row || row.state !== state) {
        const node = rows.draw(line, previous);
        if (row) {
          if (place === row.node) place = place.nextElementSibling;
          row.node.remove();
        }
        row = { node, state };
        drawn.set(line, row);
        line.height = 0;
      }
      if (!line.height) fresh.push([index, row.node]);
      if (row.node === place) place = place.nextElementSibling;
      else this.window.insertBefore(row.node, place);
    }
    return fresh;
  }

  toEnd() {
    this.atEnd = true;
    this.draw();
  }

  /** Scroll a line to the middle of the screen. @param {Line} line @returns {HTMLElement | null} */
  reveal(line) {
    const index = this.lines.indexOf(line);
    if (index < 0) return null;
    this.atEnd = false;
    for (let round = 0; round < 3; round++) {
      const middle = this.headHeight + this.heights.top(index) + this.heights.values[index] / 2;
      this.canvas.style.height = `${this.total}px`;
      this.scrollTo(Math.max(0, middle - this.height / 2));
      if (!this.drawRows()) break;
    }
    this.moved();
    return this.nodeOf(line);
  }

  /** Scroll a line into the screen if needed. @param {number} index @returns {HTMLElement | null} */
  uncover(index) {
    const line = this.lines[index];
    if (!line) return null;
    const top = this.headHeight + this.heights.top(index);
    const end = top + this.heights.values[index];
    if (top < this.scrollTop || end > this.scrollTop + this.height) {
      this.atEnd = false;
      this.scrollTo(top < this.scrollTop ? top : end - this.height);
      this.atEnd = this.scrollTop + this.height >= this.total - NEAR_END;
    }
    this.draw();
    return this.nodeOf(line);
  }

  /** @param {Line} line */
  nodeOf(line) {
    return this.drawn.get(line)?.node ?? null;
  }

  /** @param {Node | null} node @returns {Line | null} the line of its row */
  lineAt(node) {
    for (const [line, row] of this.drawn) if (row.node.contains(node)) return line;
    return null;
  }
}

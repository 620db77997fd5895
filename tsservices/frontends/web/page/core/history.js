// @ts-check
/**
 * The lines of one conversation that are known, in stretches without a gap. Pure.
 *
 * Whoever follows a link to an old line has a second stretch beside the newest one; reading on
 * from either side makes one of them. Positions are the server's numbers. Lines without one (who
 * came and went, answers) stand behind the numbered line after which they came.
 */

/**
 * @typedef {object} Line
 * @property {number} seq the number in its room; 0: it has none
 * @property {number} at the number of the line that it stands at or behind
 * @property {number} time nanoseconds since 1970
 * @property {string} kind
 * @property {string} nick
 * @property {string | null} account
 * @property {string} text
 * @property {string} id
 * @property {boolean} [mention] whether it names the reader
 * @property {boolean} [own]
 * @property {string} [state] of a line that is not stored yet: how far it is
 * @property {number} [height] pixels, once it was drawn
 */

/** @param {Line} one @param {Line} other */
const comesBefore = (one, other) =>
  one.at !== other.at ? one.at < other.at : one.seq !== 0 && other.seq === 0;

/** Lines between two numbers, of which none is missing. */
export class Stretch {
  /** @param {number} first the first number that it covers @param {number} last
   * @param {Line[]} lines in order */
  constructor(first, last, lines) {
    this.first = first;
    this.last = last;
    this.lines = lines;
  }

  /** @param {number} seq @returns {number} where it stands, or -1 */
  indexOf(seq) {
    let low = 0, high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle].at < seq) low = middle + 1;
      else high = middle;
    }
    while (low < this.lines.length && this.lines[low].at === seq) {
      if (this.lines[low].seq === seq) return low;
      low++;
    }
    return -1;
  }

  /** @param {Stretch} other that it touches or overlaps */
  absorb(other) {
    this.lines = merged(this.lines, other.lines);
    this.first = Math.min(this.first, other.first);
    this.last = Math.max(this.last, other.last);
  }
}

/**
 * Two lists in order as one, each numbered line once. What stands in both is taken from the
 * first, whose lines may be on the screen.
 * @param {Line[]} kept @param {Line[]} added
 */
function merged(kept, added) {
  if (!kept.length) return added;
  if (!added.length) return kept;
  if (added[added.length - 1].at < kept[0].at) return added.concat(kept);
  if (kept[kept.length - 1].at < added[0].at) return kept.concat(added);
  /** @type {Line[]} */
  const lines = [];
  let i = 0, j = 0;
  while (i < kept.length && j < added.length) {
    const one = kept[i], other = added[j];
    if (one.seq && one.seq === other.seq) {
      if (other.kind === "deleted") Object.assign(one, { kind: other.kind, text: other.text });
      j++;
    } else if (comesBefore(other, one)) {
      lines.push(other);
      j++;
    } else {
      lines.push(one);
      i++;
    }
  }
  while (i < kept.length) lines.push(kept[i++]);
  while (j < added.length) lines.push(added[j++]);
  return lines;
}

/** All that is known of a conversation. */
export class History {
  constructor() {
    /** @type {Stretch[]} in order; the last one is the newest */
    this.stretches = [new Stretch(1, 0, [])];
    /** The number of the first line that is still kept; 1: not known to be another. */
    this.start = 1;
    this.fresh = true;
  }

  /** The stretch that new lines come to. */
  get newest() {
    return this.stretches[this.stretches.length - 1];
  }

  /**
   * Add a line that was said now, or that has no number.
   * @param {Line} line
   * @returns whether it stands behind all others
   */
  append(line) {
    const newest = this.newest;
    if (line.seq) {
      if (this.fresh) newest.first = line.seq;
      this.fresh = false;
      if (line.seq <= newest.last) {
        this.add(line.seq, line.seq, [line]);
        return false;
      }
      // A number that is left out is that of a line that is not for us.
      newest.last = line.seq;
      line.at = line.seq;
    } else {
      line.at = newest.last;
    }
    newest.lines.push(line);
    return true;
  }

  /**
   * Add lines of before.
   * @param {number} first the first number of which it is known what stands there
   * @param {number} last @param {Line[]} lines in order
   * @returns {Stretch} the one they are part of
   */
  add(first, last, lines) {
    for (const line of lines) line.at = line.seq;
    const added = new Stretch(first, last, lines);
    if (this.fresh) {
      // What came before the first answer has stood behind number 0.
      const notes = this.newest.lines;
      for (const note of notes) note.at = last;
      added.lines = lines.concat(notes);
      this.stretches = [added];
      this.fresh = false;
      return added;
    }
    const touches = (/** @type {Stretch} */ other) => other.first <= last + 1 && other.last >= first - 1;
    const [target, ...others] = this.stretches.filter(touches).reverse();
    if (!target) {
      this.stretches.push(added);
      this.stretches.sort((one, other) => one.first - other.first);
      return added;
    }
    target.absorb(added);
    for (const other of others) target.absorb(other);
    this.stretches = this.stretches.filter((one) => !others.includes(one));
    return target;
  }

  /** @param {number} seq @returns {Stretch | undefined} the stretch with this number */
  around(seq) {
    return this.stretches.find((one) => one.first <= seq && seq <= one.last);
  }

  /** @param {number} seq @returns {Line | undefined} */
  find(seq) {
    const stretch = this.around(seq);
    const index = stretch ? stretch.indexOf(seq) : -1;
    return stretch && index >= 0 ? stretch.lines[index] : undefined;
  }

  /** Forget all that stands after a number: the server has another history. @param {number} last */
  cut(last) {
    this.stretches = this.stretches.filter((one) => one.first <= last);
    for (const one of this.stretches) {
      one.lines = one.lines.filter((line) => line.at <= last);
      one.last = Math.min(one.last, last);
    }
    if (!this.stretches.length) {
      this.stretches = [new Stretch(1, 0, [])];
      this.fresh = true;
    }
  }

  /** Begin anew at a later place, since too much was missed to ask for. @param {number} last */
  skipTo(last) {
    this.stretches.push(new Stretch(last + 1, last, []));
  }
}

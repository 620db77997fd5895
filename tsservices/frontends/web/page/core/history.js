// @ts-check
/**
 * The known lines of one conversation, in stretches without gaps. Pure.
 *
 * A link to an old line makes a second stretch beside the newest one; reading on from either side
 * joins them. Positions are the server's numbers. Lines without one (joins, leaves, answers)
 * follow the numbered line after which they came.
 */

/**
 * @typedef {object} Line
 * @property {number} seq the number in its room; 0: none
 * @property {number} at the number of this line or the one before
 * @property {number} time nanoseconds since 1970
 * @property {string} kind
 * @property {string} nick
 * @property {string | null} account
 * @property {string} text
 * @property {string} id
 * @property {boolean} [mention] whether it mentions the user
 * @property {boolean} [own]
 * @property {string} [state] the progress of a line that is not stored yet
 * @property {number} [height] pixels, once it was drawn
 */

/** @param {Line} one @param {Line} other */
const comesBefore = (one, other) =>
  one.at !== other.at ? one.at < other.at : one.seq !== 0 && other.seq === 0;

/** All lines between two numbers. */
export class Stretch {
  /** @param {number} first the first number that it covers @param {number} last
   * @param {Line[]} lines in order */
  constructor(first, last, lines) {
    this.first = first;
    this.last = last;
    this.lines = lines;
  }

  /** @param {number} seq @returns {number} its index, or -1 */
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

  /** @param {Stretch} other touching or overlapping */
  absorb(other) {
    this.lines = merged(this.lines, other.lines);
    this.first = Math.min(this.first, other.first);
    this.last = Math.max(this.last, other.last);
  }
}

/**
 * Merge two sorted lists, each numbered line once. Lines in both are taken from the first, whose
 * lines may be on the screen.
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

/** The known lines of a conversation. */
export class History {
  constructor() {
    /** @type {Stretch[]} in order; the last one is the newest */
    this.stretches = [new Stretch(1, 0, [])];
    /** The number of the first stored line; 1: not known to be higher. */
    this.start = 1;
    this.fresh = true;
  }

  /** The stretch that gets new lines. */
  get newest() {
    return this.stretches[this.stretches.length - 1];
  }

  /**
   * Add a new line, or one without a number.
   * @param {Line} line
   * @returns whether it is the last
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
      // A skipped number is of a line that this user may not see.
      newest.last = line.seq;
      line.at = line.seq;
    } else {
      line.at = newest.last;
    }
    newest.lines.push(line);
    return true;
  }

  /**
   * Add older lines.
   * @param {number} first the first number that they cover
   * @param {number} last @param {Line[]} lines in order
   * @returns {Stretch} their stretch
   */
  add(first, last, lines) {
    for (const line of lines) line.at = line.seq;
    const added = new Stretch(first, last, lines);
    if (this.fresh) {
      // Lines before the first answer have followed number 0.
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

  /** Drop lines after a number: the server has another history. @param {number} last */
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

  /** Start again at a later place: too many lines were missed. @param {number} last */
  skipTo(last) {
    this.stretches.push(new Stretch(last + 1, last, []));
  }
}

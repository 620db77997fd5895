// @ts-check
/**
 * The server's messages as units: a replay or a search result with its lines is one. Pure.
 * The objects are those of the line frontend's JSON.
 */

/** @typedef {{type: string, [field: string]: any}} Unit */

/** The version of that JSON that this page reads. */
export const VERSION = 1;

/** Collects the lines after the object with their number. */
export class UnitReader {
  constructor() {
    /** @type {Unit | null} */
    this.open = null;
    this.missing = 0;
  }

  /**
   * @param {string} frame one JSON object a line
   * @returns {Unit[]}
   */
  read(frame) {
    /** @type {Unit[]} */
    const units = [];
    for (const line of frame.split("\n")) {
      if (line) this.take(JSON.parse(line), units);
    }
    return units;
  }

  /** @param {Unit} object @param {Unit[]} units */
  take(object, units) {
    const open = this.open;
    if (open && object.type === "said" && (object.replay || object.found)) {
      open.messages.push(object);
      this.missing--;
    } else if (object.type === "replay" || object.type === "found") {
      this.open = { ...object, messages: [] };
      this.missing = object.lines;
    } else {
      units.push(object);
    }
    if (this.open && this.missing <= 0) {
      units.push(this.open);
      this.open = null;
    }
  }
}

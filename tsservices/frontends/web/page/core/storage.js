// @ts-check
/** The storage of the browser; in memory if it has none, or is full. */

class Keeper {
  /** @param {() => Storage | null} open */
  constructor(open) {
    /** @type {Map<string, string>} */
    this.memory = new Map();
    /** @type {Storage | null} */
    this.storage = null;
    try {
      this.storage = open();
    } catch {
      // Refused with cookies.
    }
  }

  /** @param {string} key */
  get(key) {
    return this.memory.get(key) ?? this.storage?.getItem(key) ?? null;
  }

  /** @param {string} key @param {string} value */
  set(key, value) {
    this.memory.set(key, value);
    try {
      if (!this.storage) return;
      this.storage.setItem(key, value);
      this.memory.delete(key);
    } catch {
      // Full.
    }
  }

  /** @param {string} key */
  remove(key) {
    this.memory.delete(key);
    this.storage?.removeItem(key);
  }

  clear() {
    this.memory.clear();
    this.storage?.clear();
  }
}

/** For all windows of this browser, and for longer. */
export const kept = new Keeper(() => localStorage);

/** For this window, over a reload. */
export const keptHere = new Keeper(() => sessionStorage);

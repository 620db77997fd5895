// @ts-check
/**
 * The heights of many rows, and the row at a place: a Fenwick tree, so changes and queries take
 * O(log n). Pure.
 */
export class Heights {
  constructor() {
    this.length = 0;
    this.values = new Float64Array(1024);
    this.tree = new Float64Array(1025);
  }

  /** @param {number} count @param {(index: number) => number} heightAt */
  reset(count, heightAt) {
    if (count > this.values.length) this.grow(count);
    const { values, tree } = this;
    tree.fill(0);
    for (let i = 0; i < count; i++) {
      values[i] = heightAt(i);
      tree[i + 1] += values[i];
      const parent = (i + 1) + ((i + 1) & -(i + 1));
      if (parent < tree.length) tree[parent] += tree[i + 1];
    }
    // Nodes above rows that are added later hold the sums of the rows below.
    for (let node = count + 1; node < tree.length; node++) {
      const parent = node + (node & -node);
      if (parent < tree.length) tree[parent] += tree[node];
    }
    this.length = count;
  }

  /** @param {number} count */
  grow(count) {
    const size = 2 ** Math.ceil(Math.log2(count + 1));
    const values = new Float64Array(size);
    values.set(this.values.subarray(0, Math.min(this.length, size)));
    this.values = values;
    this.tree = new Float64Array(size + 1);
  }

  /** @param {number} height of one more row */
  push(height) {
    if (this.length === this.values.length) {
      const kept = this.length;
      this.grow(kept + 1);
      this.reset(kept, (index) => this.values[index]);
    }
    const index = this.length++;
    this.values[index] = 0;
    this.set(index, height);
  }

  /** @param {number} index @param {number} height */
  set(index, height) {
    const change = height - this.values[index];
    if (!change) return;
    this.values[index] = height;
    for (let node = index + 1; node < this.tree.length; node += node & -node) this.tree[node] += change;
  }

  /** @param {number} index @returns {number} where the row begins */
  top(index) {
    let sum = 0;
    for (let node = index; node > 0; node -= node & -node) sum += this.tree[node];
    return sum;
  }

  get total() {
    return this.top(this.length);
  }

  /** @param {number} place @returns {number} its row; outside: the first or the last */
  find(place) {
    let node = 0, left = place;
    for (let step = this.values.length; step > 0; step >>= 1) {
      const next = node + step;
      if (next <= this.length && this.tree[next] <= left) {
        node = next;
        left -= this.tree[next];
      }
    }
    return Math.max(0, Math.min(node, this.length - 1));
  }
}

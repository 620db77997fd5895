// @ts-check
/** Times for people. The server's are nanoseconds since 1970. Pure. */

const NANOSECONDS = 1e6;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, {
  weekday: "long", year: "numeric", month: "long", day: "numeric",
});
const shortDay = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, {
  weekday: "short", year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** @param {number} time nanoseconds since 1970 @returns milliseconds since 1970 */
export const milliseconds = (time) => time / NANOSECONDS;

/** @param {number} time milliseconds since 1970 @returns nanoseconds since 1970 */
export const nanoseconds = (time) => time * NANOSECONDS;

/** @param {number} time */
export const clockText = (time) => clock.format(milliseconds(time));

/** @param {number} time */
export const dayText = (time) => day.format(milliseconds(time));

/** @param {number} time */
export const shortDayText = (time) => shortDay.format(milliseconds(time));

/** @param {number} time */
export const fullText = (time) => full.format(milliseconds(time));

/** @param {number} time */
export const isoText = (time) => new Date(milliseconds(time)).toISOString();

/**
 * Whether two times are of different local days.
 *
 * Called for each drawn row: a formatter would take ten times as long.
 * @param {number} one @param {number} other
 */
export function differentDays(one, other) {
  const first = new Date(milliseconds(one));
  const second = new Date(milliseconds(other));
  return first.getDate() !== second.getDate() || first.getMonth() !== second.getMonth()
    || first.getFullYear() !== second.getFullYear();
}

/** @param {number} seconds */
export function durationText(seconds) {
  for (const [size, unit] of /** @type {[number, string][]} */ (
    [[86400, "day"], [3600, "hour"], [60, "minute"]])) {
    if (seconds >= size) return plural(Math.floor(seconds / size), unit);
  }
  return plural(Math.round(seconds), "second");
}

/** @param {number} count @param {string} noun */
export const plural = (count, noun) => `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;

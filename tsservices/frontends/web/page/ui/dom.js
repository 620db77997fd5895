// @ts-check
/** Elements, made without markup: texts of people are only text. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties] attributes; functions are listeners, "class" and
 *   "text" are the class and the text
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

/** An element of the page. @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** A name, isolated from the direction of the text around. @param {string} text @param {string} [kind] */
export const name = (text, kind = "") => element("bdi", { class: kind, text });

/** Change a text only if it differs: screen readers read changes. @param {HTMLElement} where @param {string} text */
export function setText(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** Run a function once before the next frame, however often requested. @param {() => void} run */
export function onceAFrame(run) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    // Hidden pages have no frames.
    const ask = document.hidden ? (/** @type {() => void} */ then) => setTimeout(then, 100) : requestAnimationFrame;
    ask(() => {
      waits = false;
      run();
    });
  };
}

/** Open a dialog; a click beside it closes it. @param {any} dialog */
export function openDialog(dialog) {
  if (!dialog.open) dialog.showModal();
}

/** Let clicks beside dialogs, and on their closing buttons, close them. */
export function watchDialogs() {
  for (const dialog of /** @type {NodeListOf<any>} */ (document.querySelectorAll("dialog"))) {
    dialog.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      if (event.target !== dialog || dialog.dataset.needed !== undefined) return;
      const box = dialog.getBoundingClientRect();
      const beside = event.clientX < box.left || event.clientX > box.right
        || event.clientY < box.top || event.clientY > box.bottom;
      if (beside) dialog.close();
    });
    for (const button of dialog.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => dialog.close());
    }
  }
}

/** Announce a text to screen readers. @param {string} text @param {boolean} [urgent] */
export function announce(text, urgent = false) {
  const region = byId(urgent ? "announce-now" : "announce");
  region.append(element("p", { text }));
  while (region.childElementCount > 8) region.firstElementChild.remove();
}

/** @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS only a selection can be copied.
    const field = /** @type {HTMLTextAreaElement} */ (element("textarea", { class: "unseen", "aria-hidden": "true" }));
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  announce("copied");
}

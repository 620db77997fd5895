// @ts-check
/** A menu beside its subject, for mouse, touch and keys. */
import { byId, element } from "./dom.js";

/** @typedef {{text: string, do: () => void, danger?: boolean, checked?: boolean} | false | null | undefined} Item */

/** @type {HTMLElement | null} */
let owner = null;

/**
 * @param {HTMLElement} from its owner, which gets the focus back
 * @param {string} label @param {Item[]} items
 */
export function openMenu(from, label, items) {
  const menu = byId("menu");
  closeMenu(false);
  owner = from;
  if (from.hasAttribute("aria-haspopup")) from.setAttribute("aria-expanded", "true");
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...items.filter((item) => item).map((item) => {
    const { text, danger, checked } = /** @type {Exclude<Item, false | null | undefined>} */ (item);
    const radio = checked !== undefined;
    return element("button", {
      type: "button", role: radio ? "menuitemradio" : "menuitem", tabindex: "-1", class: danger ? "danger" : "",
      "aria-checked": radio ? String(checked) : null,
      text,
      click: () => {
        closeMenu(true);
        /** @type {any} */ (item).do();
      },
    });
  }));
  menu.hidden = false;
  place(menu, from);
  /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
}

/** @param {HTMLElement} menu @param {HTMLElement} from */
function place(menu, from) {
  const near = from.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = menu;
  const isRow = near.width > 300;
  const left = isRow ? near.left + 60 : Math.min(near.left, innerWidth - offsetWidth - 8);
  const below = near.bottom + 4;
  const top = below + offsetHeight > innerHeight - 8 ? near.top - offsetHeight - 4 : below;
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${Math.max(8, top)}px`;
}

/** @param {boolean} giveBack whether to restore the focus */
export function closeMenu(giveBack) {
  const menu = byId("menu");
  if (menu.hidden) return false;
  menu.hidden = true;
  owner?.removeAttribute("aria-expanded");
  if (giveBack && owner?.isConnected) owner.focus({ preventScroll: true });
  owner = null;
  return true;
}

/** Listen for keys and clicks. */
export function watchMenu() {
  const menu = byId("menu");
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const items = /** @type {HTMLElement[]} */ ([...menu.children]);
    const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: items.length - 1 }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      items[(target + items.length) % items.length]?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      closeMenu(true);
    }
    event.stopPropagation();
  });
  addEventListener("mousedown", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) closeMenu(false);
  });
  addEventListener("resize", () => closeMenu(false));
}

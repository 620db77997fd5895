// Sets the chosen theme before the first line is drawn. Not a module: they run too late.
"use strict";
try {
  document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";
} catch {
  // No storage: the system decides.
}

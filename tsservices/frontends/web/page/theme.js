// The chosen theme is set before the first line is drawn. Not a module: those run too late.
"use strict";
try {
  document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";
} catch {
  // Without storage the system decides.
}

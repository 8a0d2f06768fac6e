// What pages do besides what HTML does by itself. Every page works without it, but for live effects.
"use strict";

// Elements say what they do: <button data-copy="id">, <form data-confirm="…">.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  const text = "value" in source ? source.value : source.textContent;
  const done = () => {
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1600);
  };
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text).then(done);
  } else {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) done();
  }
});

// Buttons that only a script can serve are not shown without one.
for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;

// Following a list live: <button data-live="id of the rows">; the rows say where new ones come from.
for (const button of document.querySelectorAll("button[data-live]")) {
  const rows = document.getElementById(button.dataset.live);
  if (!rows) { button.hidden = true; continue; }
  let timer = 0;
  const maximumRows = 500;
  const ask = async () => {
    const separator = rows.dataset.source.endsWith("?") || rows.dataset.source.endsWith("&") ? "" : "&";
    const address = rows.dataset.source + separator + "after=" + encodeURIComponent(rows.dataset.newest);
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      if (answer.redirected || !answer.ok) { stop(); return; }
      const table = document.createElement("table");
      table.innerHTML = "<tbody>" + await answer.text() + "</tbody>";
      const newest = table.querySelector("[data-newest]");
      if (newest) { rows.dataset.newest = newest.dataset.newest; newest.remove(); }
      rows.prepend(...table.tBodies[0].rows);
      while (rows.rows.length > maximumRows) rows.deleteRow(-1);
    } catch { stop(); }
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow live";
  };
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop following";
    timer = setInterval(ask, 2000);
    ask();
  });
}

// The bench: a pasted token is read at once.
const bench = document.querySelector("form[action='/console/workbench']");
const reading = document.getElementById("token-reading");
if (bench && reading) {
  let pending = 0;
  bench.elements.token.addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(async () => {
      const body = new URLSearchParams({ _csrf: bench.elements._csrf.value, token: bench.elements.token.value });
      const answer = await fetch("/console/workbench/decode", { method: "POST", body });
      if (answer.ok && !answer.redirected) reading.innerHTML = await answer.text();
    }, 250);
  });
}

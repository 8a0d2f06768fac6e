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

// What was made is saved as a file: <button data-download="id" data-file="name">.
const save = (text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-download]");
  if (button) save(document.getElementById(button.dataset.download).value, button.dataset.file);
});

// A field whose change presses a button of its form: the fields of another method are shown at once.
for (const button of document.querySelectorAll("button[data-follows]")) {
  button.hidden = true;
  const field = button.form.elements[button.dataset.follows];
  if (field) field.addEventListener("change", () => button.form.requestSubmit(button));
}

// Says what was recognised in a pasted key or secret while it is pasted.
const finding = (place, { colour, words, facts }) => {
  const box = document.createElement("div");
  box.className = `banner ${colour}`;
  const strong = document.createElement("strong");
  strong.textContent = words;
  box.append(strong);
  for (const { label, value } of facts ?? []) {
    const text = document.createElement("bdi");
    text.textContent = value;
    box.append(document.createElement("br"), `${label}: `, text);
  }
  place.replaceChildren(box);
};
const kinds = { secret: ["secret", "secret_is_base64"], public: ["public_key"] };
for (const form of document.querySelectorAll("form[data-form]")) {
  const names = kinds[form.dataset.form];
  const place = document.getElementById("finding");
  const field = names && form.elements[names[0]];
  if (!field || !place) continue;
  field.closest(".field").after(place);
  let timer;
  let latest = 0;
  const check = async () => {
    const round = ++latest;
    if (!field.value.trim()) return place.replaceChildren();
    const body = new URLSearchParams({ _csrf: form.elements._csrf.value });
    for (const name of names) {
      const element = form.elements[name];
      if (element.type !== "checkbox" || element.checked) body.set(name, element.value);
    }
    try {
      const answer = await fetch("/console/keys/check", { method: "POST", body });
      if (!answer.ok || round !== latest) return;
      const found = await answer.json();
      finding(place, found);
      // A private key has no business on this page.
      if (found.isPrivate) field.value = "";
    } catch {
      // Without an answer the form still says what is wrong when it is sent.
    }
  };
  for (const name of names) {
    form.elements[name].addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(check, 350); });
  }
}

// Makes a key pair here: the private half is saved as a file, and only the public half is sent.
const algorithms = {
  "ed25519": { name: "Ed25519" },
  "ec-256": { name: "ECDSA", namedCurve: "P-256" },
  "ec-384": { name: "ECDSA", namedCurve: "P-384" },
};
for (const bits of [2048, 3072, 4096]) {
  algorithms[`rsa-${bits}`] = {
    name: "RSASSA-PKCS1-v1_5", modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256",
  };
}
const pem = (label, bytes) => {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return `-----BEGIN ${label}-----\n${text.match(/.{1,64}/g).join("\n")}\n-----END ${label}-----\n`;
};
const makePair = async (form, status) => {
  const pair = await crypto.subtle.generateKey(algorithms[form.elements.kind.value], true, ["sign", "verify"]);
  const secret = pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const open = pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", pair.publicKey));
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = "public_key";
  input.value = open;
  const note = document.createElement("p");
  note.className = "banner good";
  note.textContent = "The private key was saved as private-key.pem. Look that it is there: it exists nowhere else.";
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Save it again";
  again.addEventListener("click", () => save(secret, "private-key.pem"));
  const add = document.createElement("button");
  add.className = "primary";
  add.formAction = form.dataset.publicAction;
  add.textContent = "I have it: add the public key";
  const actions = document.createElement("div");
  actions.className = "actions";
  actions.append(add, again);
  status.replaceChildren(note, input, actions);
  save(secret, "private-key.pem");
};
for (const button of document.querySelectorAll("button[data-make-pair]")) {
  button.addEventListener("click", async () => {
    const status = button.form.querySelector("[data-pair-status]");
    if (!button.form.reportValidity()) return;
    button.disabled = true;
    try {
      await makePair(button.form, status);
    } catch {
      const note = document.createElement("p");
      note.className = "banner bad";
      note.textContent = "This browser cannot make such a key here (it takes https or localhost). Choose another kind, or have the gateway make the pair.";
      status.replaceChildren(note);
    }
    button.disabled = false;
  });
}

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

"use strict";
// Filters and pages over the index in #data; what is chosen stands in the address, so that it can be kept and sent.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [IMAGE, FINDING, PROBABILITY, THRESHOLD, OUTCOME, LABEL, FILE] = [0, 1, 2, 3, 4, 5, 6];
  const at = id => document.getElementById(id);
  const boxes = [...document.querySelectorAll("input[name=outcome]")];
  const sorted = data.entries.sort((a, b) => b[PROBABILITY] - a[PROBABILITY]);
  let found = [], page = 0;

  const counts = data.findings.map(() => 0);
  for (const entry of sorted) counts[entry[FINDING]]++;
  data.findings.forEach((name, k) => at("finding").add(new Option(`${name} (${counts[k].toLocaleString("en")})`, k)));

  function readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    at("finding").value = String(data.findings.indexOf(asked.get("finding")));
    if (at("finding").selectedIndex < 0) at("finding").value = "";
    const outcomes = (asked.get("outcome") || "").split(",");
    for (const box of boxes) box.checked = !box.disabled && outcomes.includes(box.value);
    at("text").value = asked.get("image") || "";
    at("order").value = asked.get("order") === "low" ? "low" : "";
    page = Math.max(parseInt(asked.get("page") || "1", 10) - 1 || 0, 0);
  }

  function writeAddress() {
    const chosen = new URLSearchParams();
    if (at("finding").value) chosen.set("finding", data.findings[at("finding").value]);
    const outcomes = boxes.filter(box => box.checked).map(box => box.value);
    if (outcomes.length) chosen.set("outcome", outcomes.join(","));
    if (at("text").value) chosen.set("image", at("text").value);
    if (at("order").value) chosen.set("order", at("order").value);
    if (page) chosen.set("page", page + 1);
    history.replaceState(null, "", `#${chosen}`);
  }

  function filter() {
    const finding = at("finding").value === "" ? null : Number(at("finding").value);
    const outcomes = boxes.filter(box => box.checked).map(box => data.outcomes.indexOf(box.value));
    const text = at("text").value.trim().toLowerCase();
    found = sorted.filter(entry =>
      (finding === null || entry[FINDING] === finding) &&
      (!outcomes.length || outcomes.includes(entry[OUTCOME])) &&
      (!text || entry[IMAGE].toLowerCase().includes(text)));
    if (at("order").value) found.reverse();
    const reason = finding === null ? null : data.missing[finding];
    if (!data.missing.every(one => one)) {
      at("why").hidden = !reason;
      at("why").textContent = reason ? `True and false cannot be told for ${data.findings[finding]}: ${reason}.` : "";
    }
    const top = finding === null ? undefined : data.tops[finding];
    at("top").hidden = !top;
    if (top) at("top").href = encodeURI(top);
    show();
  }

  function show() {
    const pages = Math.max(Math.ceil(found.length / data.shown), 1);
    page = Math.min(page, pages - 1);
    at("pictures").replaceChildren(...found.slice(page * data.shown, (page + 1) * data.shown).map(picture));
    const count = found.length === 1 ? "1 picture" : `${found.length.toLocaleString("en")} pictures`;
    at("where").textContent = `${count}, page ${page + 1} of ${pages.toLocaleString("en")}`;
    at("back").disabled = page === 0;
    at("on").disabled = page === pages - 1;
    writeAddress();
  }

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function picture(entry) {
    const name = data.findings[entry[FINDING]], file = encodeURI(entry[FILE]);
    const image = element("img", { loading: "lazy", src: file, width: 686, height: 412, alt: `${name} in image ${entry[IMAGE]}` });
    image.addEventListener("error", () => image.parentNode.replaceChildren(
      element("p", { className: "gone", textContent: `${entry[FILE]} is not there any more.` })), { once: true });
    const threshold = entry[THRESHOLD] === null ? "no threshold" : `threshold ${number(entry[THRESHOLD])}`;
    const caption = element("figcaption", {}, element("b", { textContent: `${name} ${number(entry[PROBABILITY])}` }),
      ` ${threshold}, label ${data.labels[entry[LABEL]]} `);
    const outcome = data.outcomes[entry[OUTCOME]];
    if (outcome) caption.append(element("span", { className: `mark ${outcome}`, textContent: outcome }));
    caption.append(document.createElement("br"), entry[IMAGE]);
    return element("figure", {}, element("a", { href: file }, image), caption);
  }

  function number(value) {
    return value >= 0.01 || value === 0 ? value.toFixed(3) : value.toPrecision(2);
  }

  function turn(by) {
    const before = page;
    page = Math.min(Math.max(page + by, 0), Math.max(Math.ceil(found.length / data.shown) - 1, 0));
    if (page !== before) { show(); scrollTo(0, 0); }
  }

  at("back").addEventListener("click", () => turn(-1));
  at("on").addEventListener("click", () => turn(1));
  at("filters").addEventListener("input", () => { page = 0; filter(); });
  at("filters").addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", () => { readAddress(); filter(); });
  addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
    if (event.key === "ArrowLeft") turn(-1);
    if (event.key === "ArrowRight") turn(1);
  });
  readAddress();
  filter();
})();

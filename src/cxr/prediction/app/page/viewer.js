// An answer of the API in; the picture with its layers, and the findings in plain words, out.
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const list = byId("list"), view = byId("view");
let shown = null; // the answer that is on the page

const plain = (finding) => finding.replaceAll("_", " ");

function digits(value) {
  if (value > 0 && value < 0.005) return "below 0.01";
  return value < 1 && value >= 0.995 ? "above 0.99" : value.toFixed(2);
}

// Two numbers that round to the same are given more digits, so that "above" and "below" can be seen to be true.
function both(a, b) {
  if (digits(a) !== digits(b) || a === b) return [digits(a), digits(b)];
  let places = 3;
  while (places < 6 && a.toFixed(places) === b.toFixed(places)) places++;
  return [a.toFixed(places), b.toFixed(places)];
}

export function sentence(name, { probability, threshold, call }) {
  if (call === null) return [plain(name), `: ${digits(probability)}, no threshold`];
  const [p, cut] = both(probability, threshold);
  if (call) return [plain(name), `: ${p}, ${probability === threshold ? "at" : "above"} its threshold of ${cut}: called`];
  return [plain(name), `: ${p}, below its threshold of ${cut}: not called`];
}

function draw(kind, attributes) {
  const one = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  view.append(one);
  return one;
}

function chosen() {
  return list.querySelector("input:checked")?.value ?? "";
}

function drawView() {
  const { size_px: size, crop, lungs, findings, pictures } = shown;
  const [x0, y0, x1, y1] = crop, finding = chosen();
  view.replaceChildren();
  view.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  draw("image", { href: pictures.xray, width: size.width, height: size.height, preserveAspectRatio: "none" });
  if (finding) {
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, preserveAspectRatio: "none" };
    draw("image", { href: pictures.heat[finding], id: "heat", opacity: byId("opacity").value / 100, ...place });
  }
  if (byId("lungs").checked) {
    for (const outline of lungs.outline) draw("polygon", { class: "lungs", points: outline.join(" ") });
  }
  if (byId("crop").checked && shown.status === "ok") {
    // where the crop reaches beyond the image, its line is drawn just inside
    const inset = Math.max(size.width, size.height) / 250;
    const left = Math.max(x0, inset), top = Math.max(y0, inset);
    const right = Math.min(x1, size.width - inset), bottom = Math.min(y1, size.height - inset);
    draw("rect", { class: "crop", x: left, y: top, width: right - left, height: bottom - top });
  }
  for (const box of finding ? findings[finding].boxes : []) {
    draw("rect", { class: "box", x: box.x0, y: box.y0, width: box.x1 - box.x0, height: box.y1 - box.y0 });
  }
  view.setAttribute("aria-label", finding ? `The X-ray with the heatmap of ${plain(finding)}` : "The X-ray");
  byId("caption").textContent = caption(finding);
}

function caption(finding) {
  const { size_px: size, lies, status, findings } = shown;
  const said = [`${size.width} × ${size.height} pixels`];
  if (lies !== "upright") said.push(`it lies ${lies}, which was taken into account`);
  if (status === "ok") said.push(finding ? `heatmap of ${plain(finding)}` : "no heatmap");
  if (finding && findings[finding].boxes.length) said.push("white: its hottest places");
  return said.join("; ");
}

function addRow(value, name, words, one) {
  const row = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
  row.className = one?.call ? "finding called" : "finding";
  Object.assign(input, { type: "radio", name: "finding", value });
  const strong = document.createElement("b");
  strong.textContent = name;
  text.append(strong, words);
  row.append(input, text);
  if (one) {
    const bar = document.createElement("span"), fill = document.createElement("i");
    bar.className = "bar";
    bar.setAttribute("aria-hidden", "true"); // the sentence says the same
    fill.style.width = `${100 * one.probability}%`;
    bar.append(fill);
    if (one.threshold !== null) {
      const mark = document.createElement("u");
      mark.style.left = `${100 * one.threshold}%`;
      bar.append(mark);
    }
    row.append(bar);
  }
  list.append(row);
  return input;
}

// Called ones first, then by probability.
const order = ([, a], [, b]) => Number(b.call === true) - Number(a.call === true) || b.probability - a.probability;

export function showAnswer(answer) {
  shown = answer;
  const findings = Object.entries(answer.findings).sort(order), usable = findings.length > 0;
  byId("results").hidden = byId("answer").hidden = false;
  byId("name").textContent = `Results for ${answer.image}`;
  byId("refusal").hidden = usable;
  byId("refusal").textContent = usable ? "" : `Refused: ${answer.reason}.`;
  byId("answer").classList.toggle("alone", !usable);
  for (const id of ["layers", "findings", "legend"]) byId(id).hidden = !usable;
  list.replaceChildren();
  if (usable) {
    const inputs = findings.map(([name, one]) => addRow(name, ...sentence(name, one), one));
    addRow("", "No heatmap", ", only the X-ray");
    inputs[0].checked = true;
  }
  drawView();
  byId("results").scrollIntoView({ block: "start" });
  return said(answer, findings);
}

function said(answer, findings) {
  if (!findings.length) return `${answer.image} was refused.`;
  const called = findings.filter(([, one]) => one.call).map(([name]) => plain(name));
  if (findings.every(([, one]) => one.call === null)) return `${answer.image}: ${findings.length} probabilities, no thresholds.`;
  return called.length ? `${answer.image}: ${called.length} called: ${called.join(", ")}.` : `${answer.image}: nothing is called.`;
}

export function showRefusal(name, reason) {
  byId("results").hidden = false;
  byId("answer").hidden = true;
  byId("name").textContent = `Results for ${name}`;
  byId("refusal").hidden = false;
  byId("refusal").textContent = `Refused: ${reason}`;
}

for (const id of ["lungs", "crop"]) byId(id).addEventListener("change", drawView);
list.addEventListener("change", drawView);
byId("opacity").addEventListener("input", ({ target }) => {
  byId("strength").textContent = `${target.value} %`;
  byId("heat")?.setAttribute("opacity", target.value / 100);
});

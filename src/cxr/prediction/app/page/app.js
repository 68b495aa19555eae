// Files, drops and examples in; asks the API and shows what it answers. Text from outside only ever becomes textContent.
import { showAnswer, showRefusal } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const status = byId("status");
let asked = 0; // the newest question; answers to older ones are dropped
let most = 50e6;
let running = null;

async function read(response) {
  const found = await response.json().catch(() => ({ detail: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Error(found.detail);
  return found;
}

async function ask(name, fetchFile) {
  const mine = ++asked;
  running?.abort();
  running = new AbortController();
  const signal = running.signal;
  status.textContent = `Looking at ${name} ...`;
  byId("results").setAttribute("aria-busy", "true");
  try {
    const file = await fetchFile(signal);
    if (file.size > most) throw new Error(`${name} is larger than ${most / 1e6} MB, which is the most allowed here.`);
    const form = new FormData();
    form.append("file", file, name);
    const answer = await read(await fetch("api/predict?pictures=true", { method: "POST", body: form, signal }));
    if (mine === asked) status.textContent = showAnswer(answer);
  } catch (error) {
    if (mine !== asked || signal.aborted) return;
    const lost = error instanceof TypeError; // fetch's word for no connection
    showRefusal(name, lost ? "The server cannot be reached: is it still running?" : error.message);
    status.textContent = "";
  } finally {
    if (mine === asked) byId("results").removeAttribute("aria-busy");
  }
}

function askFile(file) {
  if (file) ask(file.name, async () => file);
}

function listen() {
  const input = byId("file"), drop = byId("drop");
  input.addEventListener("change", () => {
    askFile(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault(); // a file dropped beside the box must not replace the page
      drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") askFile(event.dataTransfer.files[0]);
    });
  }
}

async function listExamples() {
  const examples = await read(await fetch("api/examples"));
  for (const { name, title } of examples) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () =>
      ask(`${name}.png`, async (signal) => {
        const response = await fetch(`api/examples/${name}`, { signal });
        return response.ok ? response.blob() : read(response);
      }));
    byId("examples").querySelector(".buttons").append(button);
  }
  byId("examples").hidden = !examples.length;
}

async function describe() {
  const about = await read(await fetch("api/bundle"));
  most = about.max_upload_bytes;
  byId("most").textContent = most / 1e6;
  const members = about.members.length > 1 ? `${about.members.length} networks, averaged` : "one network";
  const more = about.cautions.slice(1).filter((line) => !about.synthetic || !line.includes("synthetic"));
  const said = [`${about.group}: ${members}, for ${about.findings.length} findings; run by ${about.engine}`, ...more];
  byId("bundle").textContent = said.map((line) => line[0].toUpperCase() + line.slice(1) + ".").join(" ");
  byId("synthetic").hidden = !about.synthetic;
  const card = byId("card").querySelector("div");
  for (const [heading, sentences] of Object.entries(about.card)) {
    const title = document.createElement("h3");
    title.textContent = heading;
    card.append(title, ...sentences.map((sentence) => {
      const line = document.createElement("p");
      line.textContent = sentence;
      return line;
    }));
  }
  byId("card").hidden = !card.children.length;
}

listen();
describe().catch((error) => { byId("bundle").textContent = error.message; });
listExamples().catch(() => {});

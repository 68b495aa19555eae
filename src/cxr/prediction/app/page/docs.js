// openapi.json in, a readable list of its routes out.
const main = document.getElementById("routes");

function make(kind, text, ...children) {
  const one = document.createElement(kind);
  if (text) one.textContent = text;
  one.append(...children);
  return one;
}

function shape(schema) {
  if (!schema) return "nothing";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(shape).join(" or ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.prefixItems) return `[${schema.prefixItems.map(shape).join(", ")}]`;
  if (schema.type === "array") return `list of ${shape(schema.items)}`;
  if (schema.additionalProperties?.type || schema.additionalProperties?.$ref) return `name -> ${shape(schema.additionalProperties)}`;
  return schema.format === "binary" ? "file" : schema.type ?? "anything";
}

function terms(pairs) {
  return make("dl", "", ...pairs.flatMap(([name, words]) => [make("dt", name), make("dd", words)]));
}

function route(path, method, one) {
  const section = make("section", "", make("h2", `${method.toUpperCase()} ${path}`));
  section.className = "route";
  for (const line of (one.description ?? "").split("\n\n")) section.append(make("p", line));
  const fields = (one.parameters ?? []).map((p) => [`${p.name} (${p.in}): ${shape(p.schema)}`, p.description ?? ""]);
  for (const [kind, body] of Object.entries(one.requestBody?.content ?? {})) {
    for (const [name, schema] of Object.entries(body.schema.properties ?? {})) {
      fields.push([`${name} (${kind}): ${shape(schema)}`, one.requestBody.description ?? ""]);
    }
  }
  if (fields.length) section.append(make("h3", "Takes"), terms(fields));
  const answers = Object.entries(one.responses).map(([code, answer]) => {
    const [kind, body] = Object.entries(answer.content ?? {}).pop() ?? [];
    return [`${code}: ${kind === "application/json" ? shape(body.schema) : kind ?? ""}`, answer.description];
  });
  section.append(make("h3", "Answers"), terms(answers));
  return section;
}

function type([name, schema]) {
  const fields = Object.entries(schema.properties ?? {});
  const section = make("section", "", make("h2", name), make("p", schema.description ?? ""));
  section.className = "route";
  section.append(terms(fields.map(([field, one]) => [`${field}: ${shape(one)}`, one.description ?? ""])));
  return section;
}

const about = await (await fetch("openapi.json")).json();
document.getElementById("curl").textContent =
  `curl -F file=@chest.png ${new URL("api/predict", location.href)}\n` +
  `curl -F file=@chest.dcm "${new URL("api/predict?pictures=true", location.href)}"`;
const routes = Object.entries(about.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, one]) => route(path, method, one)));
const unused = ["HTTPValidationError", "ValidationError"];
const types = Object.entries(about.components.schemas).filter(([name]) => !unused.includes(name));
main.replaceChildren(...routes, make("h1", "Types"), ...types.map(type));

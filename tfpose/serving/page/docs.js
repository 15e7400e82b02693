// The API's documentation, made of openapi.json: no library, no other host.
"use strict";

const element = (name, text = "", ...inside) => {
  const made = Object.assign(document.createElement(name), { textContent: text });
  made.append(...inside);
  return made;
};

function resolved(schema, part) {
  const name = part?.$ref?.split("/").at(-1);
  return name ? schema.components.schemas[name] : part;
}

function list(title, rows) {
  if (!rows.length) return [];
  const body = rows.map(([term, text]) => element("tr", "", element("th", term), element("td", text)));
  return [element("h3", title), element("div", "", element("table", "", element("tbody", "", ...body)))];
}

function operation(schema, path, method, told) {
  const box = element("details", "", element("summary", `${method.toUpperCase()} ${path}`));
  box.append(element("p", told.description ?? told.summary));
  const parameters = (told.parameters ?? []).map((one) => [one.name, one.description ?? one.schema.type ?? ""]);
  box.append(...list("Parameters", parameters));
  const bodies = Object.entries(told.requestBody?.content ?? {});
  bodies.sort(([kind]) => (kind === "multipart/form-data" ? -1 : 1)); // what one types comes first
  for (const [kind, content] of bodies) {
    const body = resolved(schema, content.schema);
    const example = body.examples?.[0];
    if (kind === "multipart/form-data") {
      box.append(element("h3", `Body: ${kind}`), element("pre", `curl -F image=@photo.jpg ${location.origin}${path}`));
      continue;
    }
    const text = example ? JSON.stringify(example, null, 1) : Object.keys(body.properties ?? {}).join(", ");
    box.append(element("h3", `Body: ${kind}`), element("pre", text));
    if (example) {
      const send = `curl -H 'Content-Type: ${kind}' ${location.origin}${path} -d '${JSON.stringify(example)}'`;
      box.append(element("pre", send));
    }
  }
  box.append(...list("Answers", Object.entries(told.responses).map(([status, one]) => [status, one.description])));
  return box;
}

async function show() {
  const schema = await (await fetch("openapi.json")).json();
  const operations = Object.entries(schema.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => operation(schema, path, method, told)));
  const stream = element("details", "", element("summary", "WebSocket /v1/stream"), element("p",
    "Send every frame as one binary message, an encoded picture; each answer is a JSON text with frame, dropped, " +
    "width, height and people, each with an id. Only the latest frame is looked at. ?model= and ?smooth=1 as parameters."));
  document.getElementById("operations").replaceChildren(...operations, stream);
  if (operations[0]) operations[0].open = true;
}

show();

// What every page needs. A page looks up and draws what Python worked out; it decides nothing about a training.
const byId = id => document.getElementById(id);

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// A live region speaks again when it is written, so equal text is left alone.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The parent is an SVG element already, so its namespace is the right one.
function draw(parent, tag, attributes, text) {
  const element = set(document.createElementNS(parent.namespaceURI, tag), attributes);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
}

// Fills {name} in a template of the catalogue.
const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// The data block: JSON as it is, or deflated in base64 where it is large.
async function load() {
  const block = JSON.parse(byId('kcb').textContent);
  if (typeof block !== 'string') return block;
  const bytes = Uint8Array.from(atob(block), character => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(inflated).json();
}

// The system chooses the theme until the button is pressed.
byId('theme').hidden = false;
byId('theme').addEventListener('click', () => {
  const root = document.documentElement.dataset;
  const dark = root.theme ? root.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.theme = dark ? 'light' : 'dark';
});

// A view is a function from state to a description of elements; `render` makes the document match it.
// Data only ever becomes a text node, an attribute or a property: there is no way to inject markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "use"]);
const PROPERTIES = new Set(["checked", "disabled", "selected"]);

// `value` follows the state, `initial` is where a field starts that the person owns from then on.
const OWN_NAMES = new Set(["key", "value", "initial"]);

const rendered = new WeakMap();

export function h(tag, props, ...children) {
  return {
    tag,
    key: props?.key,
    props: props ?? {},
    children: children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
      .map((child) => (typeof child === "object" ? child : String(child))),
  };
}

export function render(root, ...nodes) {
  patchChildren(root, h("root", null, nodes).children);
}

function create(node) {
  if (typeof node === "string") return document.createTextNode(node);
  return SVG_TAGS.has(node.tag)
    ? document.createElementNS(SVG_NAMESPACE, node.tag)
    : document.createElement(node.tag);
}

function patch(element, node) {
  if (typeof node === "string") {
    if (element.data !== node) element.data = node;
    return;
  }
  const isNew = !rendered.has(element);
  const before = rendered.get(element)?.props ?? {};
  rendered.set(element, node);
  for (const name of Object.keys(before)) {
    if (!(name in node.props)) setProp(element, name, null);
  }
  for (const [name, value] of Object.entries(node.props)) {
    if (!OWN_NAMES.has(name)) setProp(element, name, value);
  }
  patchChildren(element, node.children);
  // After the children: a select takes its value only once its options exist.
  if (isNew && "initial" in node.props) element.value = node.props.initial;
  if ("value" in node.props) setValue(element, before.value, node.props.value);
}

function setProp(element, name, value) {
  if (name.startsWith("on")) {
    element[name] = value;
  } else if (PROPERTIES.has(name)) {
    if (element[name] !== Boolean(value)) element[name] = Boolean(value);
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

// A field somebody is typing in keeps its text until the state behind it really changes.
function setValue(element, before, value) {
  const text = value === null || value === undefined ? "" : String(value);
  if (element.value === text) return;
  if (element === document.activeElement && before === value) return;
  element.value = text;
}

function matches(element, node) {
  if (typeof node === "string") return element.nodeType === Node.TEXT_NODE;
  const before = rendered.get(element);
  return before !== undefined && before.tag === node.tag && before.key === node.key;
}

function patchChildren(parent, nodes) {
  const unused = new Set(parent.childNodes);
  const elements = nodes.map((node) => {
    for (const candidate of unused) {
      if (matches(candidate, node)) {
        unused.delete(candidate);
        return candidate;
      }
    }
    return create(node);
  });
  // Leftovers go first: moving an element would cost it its focus, removing another one does not.
  for (const element of unused) element.remove();
  elements.forEach((element, index) => {
    const there = parent.childNodes[index] ?? null;
    if (there !== element) parent.insertBefore(element, there);
    patch(element, nodes[index]);
  });
}

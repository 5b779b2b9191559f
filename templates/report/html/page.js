// Building the page and opening its data. Foreign text goes into the page by `textContent` alone.

/** An element with attributes, listeners (`onclick`) and children; attributes that are null, undefined or false are left out. */
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

/** Foreign text, kept to itself whichever way it is written. */
const foreign = (text) => {
  const node = make("bdi", { dir: "auto" });
  node.textContent = text;
  return node;
};

/** Several lines of foreign text that can be scrolled with the keyboard. */
const block = (text) => {
  const node = make("pre", { dir: "auto", tabindex: "0" });
  node.textContent = text;
  return node;
};

const badge = (words, tone) => make("span", { class: `badge ${tone ?? ""}` }, words);

const drawing = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

/** The bytes behind base64. */
const decode = (text) => {
  if (typeof Uint8Array.fromBase64 === "function") return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let nth = 0; nth < raw.length; nth += 1) bytes[nth] = raw.charCodeAt(nth);
  return bytes;
};

/** What is packed in the element of this id. */
const unpack = async (id) => {
  const source = document.getElementById(id);
  const stream = new Blob([decode(source.textContent)]).stream().pipeThrough(new DecompressionStream("deflate"));
  source.remove();
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

/** A function that reads a series out of the samples' bytes: see `samples.rs`. */
const reader = (codes, bits, all) => {
  const highest = 2 ** bits - 1;
  const code = (nth) => {
    if (bits === 16) return codes[nth] * 256 + codes[all + nth];
    if (bits === 12) return codes[nth] * 16 + ((codes[all + (nth >> 1)] >> (nth % 2 === 0 ? 4 : 0)) & 15);
    return codes[nth];
  };
  return (series) => {
    const values = new Array(series.n);
    for (let nth = 0; nth < series.n; nth += 1) {
      const share = code(series.at + nth) / highest;
      values[nth] = series.min * (1 - share) + series.max * share;
    }
    return values;
  };
};

/** The data of the page; `samples()` promises the function that reads samples, unpacked when it is called first. */
const openData = async () => {
  const data = JSON.parse(new TextDecoder().decode(await unpack("data")));
  let promised = null;
  const samples = () => {
    promised ??= unpack("samples").then((codes) => reader(codes, data.bits, data.samples));
    return promised;
  };
  return { data, samples };
};

/** Buttons that switch what is shown; none pressed shows all. `changed` gets the set of pressed ones. */
const chips = (label, counts, changed) => {
  const pressed = new Set();
  const group = make("div", { class: "chips", role: "group", "aria-label": label });
  for (const [word, n] of counts) {
    const button = make("button", {
      type: "button",
      "aria-pressed": "false",
      "data-chip": word,
      onclick: () => {
        if (!pressed.delete(word)) pressed.add(word);
        button.setAttribute("aria-pressed", String(pressed.has(word)));
        changed(pressed);
      },
    }, `${word} ${n.toLocaleString("en")}`);
    group.append(button);
  }
  return group;
};

/** How many of each there are, in the order given; words that do not occur are left out. */
const tally = (items, word, order) => {
  const counts = new Map(order.map((one) => [one, 0]));
  for (const item of items) counts.set(word(item), (counts.get(word(item)) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 0);
};

/** A field to search in; `changed` gets a function that tells whether a text holds all the words. */
const search = (label, changed) => {
  const field = make("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      const words = field.value.toLowerCase().split(/\s+/u).filter((word) => word !== "");
      changed((text) => words.every((word) => text.includes(word)), words.length > 0);
    },
  });
  return make("label", {}, label, field);
};

/** Says above the tables what is wrong. */
const fail = (words) => {
  const status = document.getElementById("status");
  status.textContent = words;
  status.hidden = false;
};

const damaged = () => fail("The data of this report are damaged; the summary above is whole.");

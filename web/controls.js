// The command's options as controls, and back: the table below is all that is known of an option here.

/** Groups of options. `choices` names a list of site.json; `first` is what the command does without the option. */
const GROUPS = [
  {
    title: "Table",
    options: [
      { flag: "style", label: "Style", choices: "style", first: "default" },
      { flag: "columns", label: "Columns", hint: "name,macs,rf" },
      { flag: "sort", label: "Sort by", hint: "macs" },
      { flag: "by", label: "One row per", choices: "by", first: "layer" },
      { flag: "top", label: "Most expensive", hint: "all", number: true },
    ],
  },
  {
    title: "Deployment target",
    options: [
      { flag: "device", label: "Device", choices: "device", first: "none" },
      { flag: "dtype", label: "As if of type", choices: "dtype", first: "the file's" },
      { flag: "weights-dtype", label: "Weights of type", choices: "dtype", first: "the same" },
      { flag: "io", label: "Inputs, outputs", choices: "io", first: "arena" },
      { flag: "reorder", label: "in the order with the lowest peak", check: true },
      { flag: "fuse", label: "with operators fused into their producers", check: true },
    ],
  },
  {
    title: "Sections",
    options: [
      { flag: "memory", label: "memory: live tensors, arena, best order", check: true },
      { flag: "anchors", label: "anchor sizes against receptive fields", check: true },
      { flag: "reconcile", label: "what other tools would print, and why", check: true },
    ],
  },
];
const FLAGS = new Map(GROUPS.flatMap(({ options }) => options).map((option) => [option.flag, option]));

/** The controls in `form`; `changed()` is called whenever a reader has changed one. */
export class Controls {
  #form;
  #sizes; // the fieldset of what the model's inputs are
  #known = ""; // the inputs that it has been made for
  #wanted = new Map(); // sizes of a link, until there are fields for them

  constructor(form, choices, changed) {
    this.#form = form;
    this.#sizes = fieldset("Model inputs", []);
    this.#sizes.hidden = true;
    form.append(this.#sizes, ...GROUPS.map(({ title, options }) => fieldset(title, options.map((o) => field(o, choices)))));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", changed);
  }

  /** The arguments of the command that say what the controls say. */
  get arguments() {
    return this.argumentsOf();
  }

  /** The same of the options that are among these, for a subcommand that has no others. */
  argumentsOf(flags) {
    const state = this.state.filter(([flag]) => !flags || flags.includes(flag));
    return state.flatMap(([flag, value]) => (FLAGS.get(flag)?.check ? [`--${flag}`] : [`--${flag}`, value]));
  }

  /** What is not as the command has it by itself: [flag, value] for each; a flag may come more than once. */
  get state() {
    const found = [...this.#wanted].map(([key, value]) => said(...split(key, " "), value));
    for (const control of this.#form.querySelectorAll("[data-flag]")) {
      const value = control.type === "checkbox" ? (control.checked ? "1" : "") : control.value.trim();
      if (value) found.push(said(control.dataset.flag, control.dataset.name, value));
    }
    return found;
  }

  /** Set the controls to these; what is not among them is as the command has it. */
  set state(state) {
    this.#form.reset();
    this.#wanted.clear();
    for (const [flag, value] of state) {
      if (flag === "input" || flag === "dim") {
        const cut = value.lastIndexOf("=");
        this.#wanted.set(`${flag} ${value.slice(0, Math.max(cut, 0))}`, value.slice(cut + 1));
      } else if (flag === "phase") this.#wanted.set("phase ", value);
      else this.#set(flag, value);
    }
    this.#known = "";
  }

  #set(flag, value) {
    const control = [...this.#form.querySelectorAll("[data-flag]")].find((each) => each.dataset.flag === flag && FLAGS.has(flag));
    if (!control) return;
    if (control.type === "checkbox") control.checked = true;
    else choose(control, value);
  }

  /** Fields for a model's inputs and for the dimensions that are open; what stands in fields that stay is kept. */
  describe({ inputs, dims, format }) {
    const names = [...new Set([...dims, ...this.#symbols()])];
    const known = JSON.stringify([inputs, names, format]);
    if (known === this.#known) return;
    this.#known = known;
    const typed = new Map(this.#fields().map((each) => [keyOf(each), each.value]));
    const fields = [
      ...inputs.map(([name, shape]) => text({ flag: "input", name, label: name, hint: shape || "1x3x224x224" })),
      ...names.map((name) => text({ flag: "dim", name, label: `Dimension ${name}`, hint: "a size" })),
    ];
    if (format === "caffe") fields.push(select({ flag: "phase", name: "", label: "Phase", first: "test" }, ["train"]));
    this.#sizes.replaceChildren(this.#sizes.firstChild, ...fields.flat());
    for (const each of this.#fields()) {
      choose(each, this.#wanted.get(keyOf(each)) ?? typed.get(keyOf(each)) ?? "");
    }
    this.#wanted.clear();
    this.#sizes.hidden = fields.length === 0;
  }

  /** Names that stand for sizes in the shapes that are typed: N of Nx3x8x8. */
  #symbols() {
    const shapes = this.state.filter(([flag]) => flag === "input").map(([, value]) => value.slice(value.lastIndexOf("=") + 1));
    const extents = shapes.flatMap((shape) => shape.split(shape.includes(",") ? "," : "x"));
    return extents.filter((extent) => /^[A-Za-z_]\w*$/.test(extent));
  }

  #fields() {
    return [...this.#sizes.querySelectorAll("[data-flag]")];
  }
}

function keyOf(control) {
  return `${control.dataset.flag} ${control.dataset.name}`;
}

/** The two parts of a text around the first `mark`. */
function split(text, mark) {
  const at = text.indexOf(mark);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** An option as [flag, value]; a name that is not "" is part of the value. */
function said(flag, name, value) {
  return [flag, name ? `${name}=${value}` : value];
}

/** Set a control, also to a choice that there is not: the command says so then. */
function choose(control, value) {
  if (control.options && ![...control.options].some((each) => each.value === value)) control.add(new Option(value, value));
  control.value = value;
}

function fieldset(title, fields) {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = title;
  set.append(legend, ...fields.flat());
  return set;
}

function field(option, choices) {
  if (option.check) return check(option);
  return option.choices ? select(option, choices[option.choices].filter((each) => each !== option.first)) : text(option);
}

let made = 0;

/** A label and its control, which knows the option that it is for. */
function labelled(control, { flag, name, label }) {
  control.id = `option-${(made += 1)}`;
  control.dataset.flag = flag;
  if (name !== undefined) control.dataset.name = name;
  const element = document.createElement("label");
  element.htmlFor = control.id;
  element.textContent = label;
  return [element, control];
}

function text(option) {
  const control = document.createElement("input");
  control.type = option.number ? "number" : "text";
  if (option.number) control.min = 1;
  control.placeholder = option.hint ?? "";
  control.autocomplete = "off";
  control.spellcheck = false;
  return labelled(control, option);
}

function select(option, choices) {
  const control = document.createElement("select");
  control.append(new Option(option.first, ""), ...choices.map((each) => new Option(each, each)));
  return labelled(control, option);
}

function check(option) {
  const control = document.createElement("input");
  control.type = "checkbox";
  const [label] = labelled(control, option);
  label.className = "check";
  label.prepend(control);
  return [label];
}

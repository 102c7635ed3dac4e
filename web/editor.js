// The editor of a prototxt: CodeMirror 6 in a shadow root, where its styles need no exception from the page's policy.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, WidgetType } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const setProblem = StateEffect.define(); // {line, message}, or null

/** A message below the line that it is about. Readers hear it from the page's alert, where it stands too. */
class Message extends WidgetType {
  constructor(text) {
    super();
    this.text = text;
  }
  eq(other) {
    return other.text === this.text;
  }
  toDOM() {
    const element = document.createElement("div");
    element.className = "cm-problem";
    element.setAttribute("aria-hidden", "true");
    element.textContent = this.text;
    return element;
  }
}

/** The problem's line and its message; they move with the text until another run says what holds now. */
const problems = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    marks = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setProblem)) marks = effect.value ? marksOf(transaction.state.doc, effect.value) : Decoration.none;
    }
    return marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function marksOf(doc, { line, message }) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Decoration.set([
    Decoration.line({ class: "cm-wrong" }).range(at.from),
    Decoration.widget({ widget: new Message(message), side: 1, block: true }).range(at.to),
  ]);
}

/** Protobuf's text format: https://protobuf.dev/reference/protobuf/textformat-spec/ */
const prototxt = StreamLanguage.define({
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/#.*/)) return "comment";
    if (stream.match(/"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?/)) return "string";
    if (stream.match(/[-+]?\.?\d[\w.]*(?:[eE][-+]\d+)?/)) return "number";
    if (stream.match(/\w+(?=\s*[:{])/)) return "propertyName";
    if (stream.match(/\w+/)) return "atom";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "#" } },
});

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--quiet)" },
  { tag: tags.string, color: "var(--string)" },
  { tag: [tags.number, tags.atom], color: "var(--number)" },
  { tag: tags.propertyName, color: "var(--accent)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--ground)", fontSize: "0.8125rem" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.4" },
  ".cm-gutters": { color: "var(--quiet)", backgroundColor: "var(--panel)", border: "0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--accent) 30%, transparent) !important",
  },
  ".cm-matchingBracket": { outline: "1px solid var(--edge)", backgroundColor: "transparent !important" },
  ".cm-wrong": { backgroundColor: "var(--warn-ground)", boxShadow: "inset 3px 0 var(--warn)" },
  ".cm-problem": {
    padding: "0 0.5rem 0.125rem", color: "var(--warn)", backgroundColor: "var(--warn-ground)", boxShadow: "inset 3px 0 var(--warn)",
    whiteSpace: "pre-wrap",
  },
});

/** Typing over a selection: browsers would style what they put in its place, which the page's policy forbids. */
const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || event.isComposing || !event.data || view.state.selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

/** An editor in `host` that calls `changed()` whenever somebody has changed the text. */
export function createEditor(host, changed) {
  let replaced = false; // by the page itself
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        prototxt,
        syntaxHighlighting(colours),
        problems,
        typedOver,
        EditorView.lineWrapping,
        theme,
        keymap.of([...defaultKeymap, ...historyKeymap]), // Tab is left to move the focus
        EditorView.contentAttributes.of({ "aria-label": "The network as prototxt", spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && !replaced && changed()),
      ],
    }),
  });
  return {
    get text() {
      return view.state.doc.toString();
    },
    /** Replace all of the text; undoing brings back what stood there. */
    set text(text) {
      replaced = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, effects: setProblem.of(null) });
      replaced = false;
    },
    /** Mark a line and say below it what is wrong there; without a line mark none. */
    problem(line, message) {
      view.dispatch({ effects: setProblem.of(line ? { line, message } : null) });
    },
  };
}

// Types that the book's JavaScript is checked against (see tsconfig.json); nothing of them reaches a page.

/** What anywidget gives to a widget's module: the synced traits of the Python class. */
interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: "change" | `change:${keyof Traits & string}`, listen: () => void): void;
  off(event: "change" | `change:${keyof Traits & string}`, listen: () => void): void;
}

/** What a widget's `render` gets. */
interface View<Traits> {
  model: Model<Traits>;
  el: HTMLElement;
}

/** What the kit gives to a part that a reader chooses in. */
interface Choosing<Choice> {
  select: (choice: Choice) => void;
  point: (choice?: Choice) => void; // what is under the mouse, if anything is
  signal: AbortSignal; // for listeners: they go when it is aborted
}

/** What the kit gives to a widget's `build`. */
interface Tools<Traits, Choice> extends Choosing<Choice> {
  model: Model<Traits>;
  root: HTMLElement;
  change: (values: Partial<Traits>) => void;
  draw: () => void; // for what comes late, such as a decoded picture
}

/** What `build` gives back: the widget's elements, and how they follow the model. */
interface Built<State, Choice> {
  nodes: Node[];
  parts: { update: (state: State) => void }[];
  read: (current: Choice) => State; // all that is drawn, computed from the model
  announce: (state: State) => string | undefined; // for a screen reader, once a change is at rest
}

/** Makes an element with attributes and children: the kit's `element`. */
type Make = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Record<string, string | number | boolean>,
  ...children: (Node | string | number)[]
) => HTMLElementTagNameMap[Tag];

/** Sphinx's search, as far as bookkit/pages/any_search.js changes it. */
declare const Search: {
  setIndex: (index: { terms: object; titleterms: object }) => void;
  query: (asked: string) => void;
  makeSearchSummary: (html: string, words: Set<string>, anchor: string) => HTMLElement | null;
};
declare const Scorer: object;

// What the scripts in tools/vendor use of Node and of npm, neither of which has types here.
declare module "node:fs" {
  function readFileSync(path: string | number, encoding: "utf8"): string;
}
declare module "katex" {
  const katex: { renderToString(latex: string, options: object): string };
  export default katex;
}
declare module "purgecss" {
  class PurgeCSS {
    purge(options: object): Promise<[{ css: string }]>;
  }
}
declare const process: {
  argv: string[];
  stdout: { write(text: string): void };
  exit(code: number): never;
};

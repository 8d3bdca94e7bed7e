// Types that the book's JavaScript is checked against (see tsconfig.json); nothing of them reaches a page.

/** What anywidget gives to a widget's module: the synced traits of the Python class. */
interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: `change:${keyof Traits & string}`, listen: () => void): void;
  off(event: `change:${keyof Traits & string}`, listen: () => void): void;
}

/** What a widget's `render` gets. */
interface View<Traits> {
  model: Model<Traits>;
  el: HTMLElement;
}

/** Makes an element with attributes and children: every widget's `element`. */
type Make = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Record<string, string | number | boolean>,
  ...children: (Node | string | number)[]
) => HTMLElementTagNameMap[Tag];

/** Sphinx's search, as far as book/_ext/any_search.js changes it. */
declare const Search: { setIndex: (index: { terms: object; titleterms: object }) => void };

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

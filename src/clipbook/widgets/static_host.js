// Draws the widgets of a page that has no kernel, from the state that the build left in it, each when
// it comes within a screen of what is shown: a page is then soon ready, and its static pictures stand in.
// A classic script, loaded with `defer`: modules do not load from file://.
(() => {
  /**
   * @typedef {Record<string, any>} State
   * @typedef {{ model_module: string, state: State, buffers?: { path: string[], data: string }[] }} Saved
   * @typedef {{ model: object, el?: HTMLElement, signal: AbortSignal }} Given to a widget
   * @typedef {{ initialize?: (given: Given) => unknown, render?: (given: Given) => (() => void) | undefined }} Widget
   */

  const embedded = (/** @type {"view" | "state"} */ kind) =>
    [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${kind}+json"]`)];
  // Names come from elsewhere, so they are keys of a Map: a plain object also has "constructor".
  /** @type {Map<string, Saved>} */
  const saved = new Map(embedded("state").flatMap((script) =>
    Object.entries(JSON.parse(script.textContent).state)));

  /**
   * Calls `make` once for a key; later calls get the same result.
   * @type {<Made>(kept: Map<string, Made>, key: string, make: () => Made) => Made}
   */
  const once = (kept, key, make) => {
    if (!kept.has(key)) kept.set(key, make());
    return /** @type {any} */ (kept.get(key));
  };
  /** @type {Map<string, Promise<Widget>>} */
  const modules = new Map();
  /** @type {Map<string, void>} */
  const styles = new Map();
  /** @type {Map<string, Promise<{ widget: Widget, model: object }>>} */
  const models = new Map();

  const importSource = async (/** @type {string} */ source) => {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const widget = (await import(address)).default;
    URL.revokeObjectURL(address);
    return typeof widget === "function" ? widget() : widget;
  };

  const addStyle = (/** @type {string} */ text) => {
    const style = document.createElement("style");
    style.textContent = text;
    document.head.append(style);
  };

  /** State as a kernel would send it: binary values are put back in their places. @param {Saved} saved */
  const restore = ({ state, buffers = [] }) => {
    for (const { path, data } of buffers) {
      const holder = path.slice(0, -1).reduce((value, key) => value[key], state);
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      holder[path[path.length - 1]] = new DataView(bytes.buffer);
    }
    return state;
  };

  /** What anywidget gives to a module as `model`; what is saved stays in the page. @param {State} restored */
  const makeModel = (restored) => {
    const state = new Map(Object.entries(restored));
    /** @typedef {(...values: unknown[]) => void} Listen */
    /** @type {Map<string, Set<Listen>>} */
    const listeners = new Map();
    /** @type {(event: string, ...values: unknown[]) => void} */
    const tell = (event, ...values) => {
      for (const listen of [...(listeners.get(event) ?? [])]) listen(...values);
    };
    return {
      get: (/** @type {string} */ key) => state.get(key),
      /** @param {string | State} key @param {unknown} [value] */
      set(key, value) {
        /** @type {[string, unknown][]} */
        const values = typeof key === "object" ? Object.entries(key) : [[key, value]];
        const changed = values.filter(([name, next]) => !Object.is(state.get(name), next));
        for (const [name, next] of changed) state.set(name, next);
        for (const [name, next] of changed) tell(`change:${name}`, this, next);
        if (changed.length) tell("change", this);
      },
      save_changes() {},
      send() {},
      /** @type {(event: string, listen: Listen) => void} */
      on: (event, listen) => once(listeners, event, () => new Set()).add(listen),
      /** @param {string | null} [event] @param {Listen} [listen] */
      off(event, listen) {
        for (const [name, set] of listeners) {
          if (event != null && event !== name) continue;
          if (listen) set.delete(listen);
          else set.clear();
        }
      },
    };
  };

  const loadModel = async (/** @type {Saved} */ one) => {
    const state = restore(one);
    const widget = await once(modules, state._esm, () => importSource(state._esm));
    if (state._css) once(styles, state._css, () => addStyle(state._css));
    const model = makeModel(state);
    await widget.initialize?.({ model, signal: leaving.signal });
    return { widget, model };
  };

  const leaving = new AbortController();
  addEventListener("pagehide", (event) => event.persisted || leaving.abort());

  /** Draws one view. Where it fails, the static picture in the wrapper stays. @param {Element} script */
  const draw = async (script) => {
    const wrapper = script.closest(".widget[data-model-id]");
    const el = document.createElement("div");
    if (wrapper) wrapper.append(el);
    else script.before(el);
    try {
      const id = JSON.parse(script.textContent).model_id;
      const one = saved.get(id);
      if (one?.model_module !== "anywidget") {
        el.textContent = "This figure needs a running kernel: open the page in Colab or Jupyter.";
        return;
      }
      const { widget, model } = await once(models, id, () => loadModel(one));
      const cleanup = await widget.render?.({ model, el, signal: leaving.signal });
      if (cleanup) leaving.signal.addEventListener("abort", cleanup);
      if (wrapper) Object.assign(wrapper, { model }); // for a script of the page that plays the kernel
      wrapper?.setAttribute("data-hydrated", "");
      wrapper?.dispatchEvent(new Event("hydrated"));
    } catch (error) {
      console.error(error);
      if (wrapper) el.remove();
      else el.textContent = "This figure could not be drawn; the browser's console says why.";
    }
  };

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        draw(/** @type {Element} */ (target.querySelector("script")));
      }
    },
    { rootMargin: "100% 0%" },
  );
  for (const script of embedded("view")) {
    const wrapper = script.closest(".widget[data-model-id]");
    if (wrapper) near.observe(wrapper);
    else draw(script);
  }
})();

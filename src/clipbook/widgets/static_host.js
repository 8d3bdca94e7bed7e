// Draws the widgets of a page that has no kernel, from the state that the build left in it, each when
// it comes within a screen of what is shown: a page is then soon ready, and its static pictures stand in.
// A classic script, loaded with `defer`: modules do not load from file://.
(() => {
  const embedded = (kind) =>
    [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${kind}+json"]`)];
  // Names come from elsewhere, so they are keys of a Map: a plain object also has "constructor".
  const saved = new Map(embedded("state").flatMap((script) =>
    Object.entries(JSON.parse(script.textContent).state)));

  /** Calls `make` once for a key; later calls get the same result. */
  const once = (kept, key, make) => {
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key);
  };
  const modules = new Map();
  const styles = new Map();
  const models = new Map();

  const importSource = async (source) => {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const widget = (await import(address)).default;
    URL.revokeObjectURL(address);
    return typeof widget === "function" ? widget() : widget;
  };

  const addStyle = (text) => {
    const style = document.createElement("style");
    style.textContent = text;
    document.head.append(style);
  };

  /** State as a kernel would send it: binary values are put back in their places. */
  const restore = ({ state, buffers = [] }) => {
    for (const { path, data } of buffers) {
      const holder = path.slice(0, -1).reduce((value, key) => value[key], state);
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      holder[path.at(-1)] = new DataView(bytes.buffer);
    }
    return state;
  };

  /** What anywidget gives to a module as `model`; what is saved stays in the page. */
  const makeModel = (restored) => {
    const state = new Map(Object.entries(restored));
    const listeners = new Map(); // event → set of functions
    const tell = (event, ...values) => {
      for (const listen of [...(listeners.get(event) ?? [])]) listen(...values);
    };
    return {
      get: (key) => state.get(key),
      set(key, value) {
        const values = typeof key === "object" ? Object.entries(key) : [[key, value]];
        const changed = values.filter(([name, next]) => !Object.is(state.get(name), next));
        for (const [name, next] of changed) state.set(name, next);
        for (const [name, next] of changed) tell(`change:${name}`, this, next);
        if (changed.length) tell("change", this);
      },
      save_changes() {},
      send() {},
      on: (event, listen) => once(listeners, event, () => new Set()).add(listen),
      off(event, listen) {
        for (const [name, set] of listeners)
          if (event == null || event === name) listen ? set.delete(listen) : set.clear();
      },
    };
  };

  const loadModel = async (id) => {
    const state = restore(saved.get(id));
    const widget = await once(modules, state._esm, () => importSource(state._esm));
    if (state._css) once(styles, state._css, () => addStyle(state._css));
    const model = makeModel(state);
    await widget.initialize?.({ model, signal: leaving.signal });
    return { widget, model };
  };

  const leaving = new AbortController();
  addEventListener("pagehide", (event) => event.persisted || leaving.abort());

  /** Draws one view. Where it fails, the static picture in the wrapper stays. */
  const draw = async (script) => {
    const wrapper = script.closest(".widget[data-model-id]");
    const el = document.createElement("div");
    if (wrapper) wrapper.append(el);
    else script.before(el);
    try {
      const id = JSON.parse(script.textContent).model_id;
      if (saved.get(id)?.model_module !== "anywidget") {
        el.textContent = "This figure needs a running kernel: open the page in Colab or Jupyter.";
        return;
      }
      const { widget, model } = await once(models, id, () => loadModel(id));
      const cleanup = await widget.render?.({ model, el, signal: leaving.signal });
      if (cleanup) leaving.signal.addEventListener("abort", cleanup);
      wrapper?.setAttribute("data-hydrated", "");
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
        draw(target.querySelector("script"));
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

// Shows a figure as large as the window, or as the figure itself where that is larger (see figures.py).
{
  const dialog = document.createElement("dialog");
  dialog.className = "figure-large";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const large = document.createElement("img");
  large.tabIndex = 0; // it may be wider than the window: arrows scroll it
  dialog.append(close, large);
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());

  for (const line of document.querySelectorAll(".figure-caption")) {
    const images = [...(line.parentElement?.querySelectorAll("img") ?? [])];
    if (!images.length) continue;
    const name = line.querySelector("a")?.textContent ?? "";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Enlarge";
    button.setAttribute("aria-label", `Enlarge ${name}`);
    button.addEventListener("click", () => {
      const { src, alt } = images.find((one) => one.offsetParent) ?? images[0]; // of this mode
      Object.assign(large, { src, alt });
      if (!dialog.isConnected) document.body.append(dialog);
      dialog.setAttribute("aria-label", name);
      dialog.showModal();
    });
    line.append(" ", button);
  }
}

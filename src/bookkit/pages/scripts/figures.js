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

  for (const line of document.querySelectorAll(".figure-number")) {
    const image = line.parentElement?.querySelector("img");
    if (!image) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Enlarge";
    button.setAttribute("aria-label", `Enlarge ${line.textContent?.trim()}`);
    button.addEventListener("click", () => {
      Object.assign(large, { src: image.src, alt: image.alt });
      if (!dialog.isConnected) document.body.append(dialog);
      dialog.setAttribute("aria-label", line.querySelector("a")?.textContent ?? "");
      dialog.showModal();
    });
    line.append(" ", button);
  }
}

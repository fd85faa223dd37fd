// Small helps for pages that all work without them: times in the browser's own way, "are you sure?", copying.
"use strict";

const farhook = {
  // A time as the browser writes it; the server only knows UTC.
  localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = at.toLocaleString();
    }
  },

  async copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const text = "value" in source ? source.value : source.textContent;
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else {
      // Browsers give pages that came over plain HTTP no clipboard.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const label = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  },
};

document.addEventListener("submit", (submitted) => {
  const question = submitted.submitter?.dataset.ask ?? submitted.target.dataset.ask;
  if (question && !window.confirm(question)) submitted.preventDefault();
});

document.addEventListener("click", (clicked) => {
  const button = clicked.target.closest("[data-copy]");
  if (button) farhook.copy(button);
});

document.addEventListener("change", (changed) => {
  if (changed.target.matches("[data-submit]")) changed.target.form.requestSubmit();
});

document.documentElement.classList.add("js");
farhook.localTimes(document);
document.addEventListener("htmx:after:swap", () => farhook.localTimes(document));

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

  copy(button) {
    return farhook.copyText(document.getElementById(button.dataset.copy).textContent, button, button.dataset.copied);
  },

  async copyText(text, button, copied) {
    button.dataset.label ??= button.textContent;
    // Whoever sees no other word on the button knows that it did not work.
    if (!await farhook.toClipboard(text)) return;
    button.textContent = copied;
    setTimeout(() => { button.textContent = button.dataset.label; }, 2000);
  },

  async toClipboard(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Browsers give pages that came over plain HTTP no clipboard.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const isCopied = document.execCommand("copy");
      field.remove();
      return isCopied;
    }
  },
};

document.addEventListener("submit", (submitted) => {
  const question = submitted.submitter?.dataset.ask ?? submitted.target.dataset.ask;
  if (question && !window.confirm(question)) {
    submitted.preventDefault();
  } else if ("stays" in submitted.target.dataset) {
    // A form that answers with a file leaves its page as it is, but what went wrong before is over.
    submitted.target.parentElement.querySelector(".flash.failed")?.remove();
  } else if (!submitted.defaultPrevented) {
    submitted.submitter?.setAttribute("aria-busy", "true");
  }
});

document.addEventListener("click", (clicked) => {
  const button = clicked.target.closest("[data-copy]");
  if (button) farhook.copy(button);
});

// A page that the browser kept has no form under way any more.
window.addEventListener("pageshow", () => {
  for (const busy of document.querySelectorAll("button[aria-busy]")) busy.removeAttribute("aria-busy");
});

document.documentElement.classList.add("js");
farhook.localTimes(document);
document.addEventListener("htmx:after:swap", () => farhook.localTimes(document));

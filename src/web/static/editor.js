// The editor: which side somebody types in, rows that grow, fields that have a problem.
"use strict";

{
  const form = document.getElementById("editor");

  // A row more when the last one is used.
  const grow = (rows) => {
    const last = rows.lastElementChild;
    if (![...last.querySelectorAll("input")].some((input) => input.value)) return;
    const row = last.cloneNode(true);
    for (const input of row.querySelectorAll("input")) {
      input.value = "";
      input.name = input.name.replace(/\d+/, (number) => Number(number) + 1);
    }
    rows.append(row);
  };

  const mark = () => {
    const marks = document.getElementById("preview").dataset.marks.split(" ");
    for (const field of form.querySelectorAll("[id^='f-']")) {
      if (marks.includes(field.id.slice(2))) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  };

  // Before htmx hears of it.
  let isTyped = false;
  form.addEventListener("input", (typed) => {
    isTyped = true;
    document.getElementById("source").value = typed.target.id === "definition" ? "json" : "form";
    const rows = typed.target.closest(".rows");
    if (rows) grow(rows);
  }, { capture: true });

  const examples = document.querySelector(".examples");
  examples?.addEventListener("click", (clicked) => {
    if (isTyped && clicked.target.closest("a") && !window.confirm(examples.dataset.ask)) clicked.preventDefault();
  });

  document.addEventListener("htmx:after:swap", mark);
  mark();
}

// The live log: goes on where the page that the server made ends, filters, pauses without a gap.
"use strict";

{
  const ROWS = 500; // more than that nobody reads, and phones get slow
  const RETRY_MS = 2000;
  const table = document.getElementById("events");
  const filter = document.getElementById("filter");
  const pause = document.getElementById("pause");
  const live = document.getElementById("live");
  const kinds = new Map([...filter.elements.kind.options].map((option) => [option.value, option.text]));
  const devices = new Map([...filter.elements.device.options].map((option) => [option.value, option.text]));
  const device = filter.elements.device.value; // another one is another page
  const stream = device ? `/v1/devices/${device}/events` : "/v1/devices/events";
  const pattern = document.getElementById("row").content.firstElementChild;
  const loaded = { name: filter.elements.name.value, kind: filter.elements.kind.value };
  let last = table.dataset.last;
  let reading = null;

  const kindOf = (name, coreid) => {
    if (coreid === "api") return "api";
    if (coreid !== "particle-internal") return "device";
    if (name.startsWith("hook-sent/")) return "sent";
    if (name.startsWith("hook-response/")) return "response";
    return name.startsWith("hook-error/") ? "error" : "gateway";
  };

  // By somebody else than the gateway, so somebody can publish it again.
  const isPublished = (row) => ["api", "device"].includes(row.dataset.kind);

  const isWanted = (row) =>
    row.querySelector(".name").textContent.startsWith(filter.elements.name.value)
    && (!filter.elements.kind.value || row.dataset.kind === filter.elements.kind.value);

  const sieve = () => {
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = !isWanted(row);
      if (!row.hidden) shown += 1;
    }
    document.getElementById("none").hidden = shown > 0;
  };

  const add = (name, event) => {
    const row = pattern.cloneNode(true);
    const at = new Date(event.published_at);
    const time = row.querySelector("time");
    time.dateTime = event.published_at;
    time.title = at.toLocaleString();
    time.textContent = at.toLocaleTimeString();
    row.dataset.kind = kindOf(name, event.coreid);
    row.classList.add(row.dataset.kind);
    row.querySelector(".tag").textContent = kinds.get(row.dataset.kind) ?? "";
    row.querySelector(".name").textContent = name;
    row.querySelector(".data").textContent = row.dataset.kind === "sent" ? "" : event.data; // it is "undefined"
    row.querySelector(".device").textContent = devices.get(device || event.coreid) ?? "–";
    if (!isPublished(row)) row.querySelector(".curl").remove();
    row.hidden = !isWanted(row);
    table.tBodies[0].prepend(row);
    if (!row.hidden) document.getElementById("none").hidden = true;
    while (table.tBodies[0].rows.length > ROWS) table.tBodies[0].lastElementChild.remove();
  };

  const take = (frame) => {
    const fields = new Map(frame.split("\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }));
    if (!fields.has("data")) return;
    add(fields.get("event"), JSON.parse(fields.get("data")));
    last = fields.get("id");
  };

  // The browser's own EventSource hears only names that are known before.
  const read = async (abort) => {
    const answer = await fetch(`${stream}?last_event_id=${last}`, { signal: abort.signal });
    // Without a session there is no token: the API calls that a bad request.
    if ([400, 401].includes(answer.status)) location.assign("/login?next=/logs");
    if (!answer.ok) throw new Error(answer.statusText);
    live.textContent = live.dataset.live;
    const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await text.read();
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      frames.forEach(take);
    }
  };

  const start = async () => {
    const abort = new AbortController();
    reading = abort;
    pause.textContent = pause.dataset.pause;
    while (reading === abort) {
      try {
        await read(abort);
      } catch (failure) {
        if (abort.signal.aborted) return;
      }
      live.textContent = live.dataset.lost;
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  };

  // The gateway remembers what comes meanwhile.
  const stop = () => {
    reading.abort();
    reading = null;
    pause.textContent = pause.dataset.resume;
    live.textContent = live.dataset.paused;
  };

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  const curl = (row) => [
    `curl ${location.origin}/v1/devices/events`,
    "-H 'Authorization: Bearer YOUR_TOKEN'",
    `--data-urlencode ${quoted(`name=${row.querySelector(".name").textContent}`)}`,
    `--data-urlencode ${quoted(`data=${row.querySelector(".data").textContent}`)}`,
  ].join(" \\\n  ");

  pause.addEventListener("click", () => (reading ? stop() : start()));
  filter.addEventListener("input", sieve);
  filter.elements.device.addEventListener("change", () => filter.submit());
  // What the server left out when it made the page is not here.
  filter.addEventListener("change", () => {
    const { name, kind } = filter.elements;
    if (!name.value.startsWith(loaded.name) || (loaded.kind && kind.value !== loaded.kind)) filter.submit();
  });
  table.addEventListener("click", (clicked) => {
    const button = clicked.target.closest(".curl");
    if (button) farhook.copyText(curl(button.closest("tr")), button, table.dataset.copied);
  });
  for (const row of table.tBodies[0].rows) {
    const time = row.querySelector("time");
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
    // Only a script can copy, so the page that the server made is lighter by that.
    row.append(pattern.querySelector("td.js-only").cloneNode(isPublished(row)));
  }
  sieve();
  start();
}

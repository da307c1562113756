// Finds pages by words: every word must occur in the name or the text; names come first.
(function () {
  "use strict";
  const input = document.getElementById("find");
  const list = document.getElementById("found");
  const root = document.body.dataset.root;
  const pages = (window.searchIndex || []).map(function (row) {
    return { href: row[0], name: row[1], text: row[2], words: (row[1] + " " + row[2]).toLowerCase().replace(/[_.]/g, " "), plain: row[1].toLowerCase() };
  });
  const MOST = 30;
  let chosen = -1;

  function find(text) {
    const whole = text.trim().toLowerCase();
    if (!whole) return [];
    const words = whole.replace(/[_.]/g, " ").split(/\s+/).filter(Boolean);
    const ranked = [];
    for (const page of pages) {
      if (!words.every(function (word) { return page.words.includes(word); })) continue;
      const inName = words.every(function (word) { return page.plain.includes(word); });
      ranked.push([page.plain.endsWith(whole) ? 0 : inName ? 1 : 2, page.plain.length, page]);
    }
    ranked.sort(function (a, b) { return a[0] - b[0] || a[1] - b[1] || (a[2].plain < b[2].plain ? -1 : 1); });
    return ranked.slice(0, MOST).map(function (entry) { return entry[2]; });
  }

  function show() {
    const found = find(input.value);
    chosen = -1;
    list.replaceChildren();
    for (const page of found) {
      const link = document.createElement("a");
      link.href = root + page.href;
      link.textContent = page.name;
      if (page.text) {
        const text = document.createElement("small");
        text.textContent = page.text;
        link.append(text);
      }
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    if (!found.length && input.value.trim()) {
      const item = document.createElement("li");
      item.textContent = "No page has these words.";
      list.append(item);
    }
    list.hidden = !input.value.trim();
  }

  function move(step) {
    const links = list.querySelectorAll("a");
    if (!links.length) return;
    if (chosen >= 0) links[chosen].classList.remove("chosen");
    chosen = (chosen + step + links.length) % links.length;
    links[chosen].classList.add("chosen");
    links[chosen].scrollIntoView({ block: "nearest" });
  }

  input.addEventListener("input", show);
  input.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown") { move(1); event.preventDefault(); }
    if (event.key === "ArrowUp") { move(-1); event.preventDefault(); }
    if (event.key === "Escape") { input.value = ""; show(); }
    if (event.key === "Enter") {
      const links = list.querySelectorAll("a");
      const link = links[Math.max(chosen, 0)];
      if (link) window.location.href = link.href;
    }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== input) { input.focus(); event.preventDefault(); }
  });
})();

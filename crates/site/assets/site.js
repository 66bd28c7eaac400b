// The switch between languages and the search. Everything else on the pages works without scripts.
(() => {
  "use strict";
  const html = document.documentElement;
  const root = html.dataset.root;
  const LANGUAGES = ["en", "fr"];
  const KEY = "abmart-docs-language";

  // A browser may refuse storage to pages from a disk; the choice holds for the page then.
  const remembered = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const remember = (language) => {
    try { localStorage.setItem(KEY, language); } catch { /* see above */ }
  };
  const preferred = () => {
    const chosen = remembered();
    if (LANGUAGES.includes(chosen)) return chosen;
    return (navigator.language || "").toLowerCase().startsWith("fr") ? "fr" : "en";
  };

  const show = (language) => {
    html.lang = language;
    html.dataset.language = language;
    document.title = language === "fr" ? html.dataset.titleFr : html.dataset.titleEn;
  };
  // Texts that stand in attributes, where both languages cannot stand side by side.
  const label = (language) => {
    for (const element of document.querySelectorAll("[data-label-en]")) {
      element.setAttribute("aria-label", element.getAttribute(`data-label-${language}`));
    }
    for (const element of document.querySelectorAll("[data-placeholder-en]")) {
      element.placeholder = element.getAttribute(`data-placeholder-${language}`);
    }
    for (const button of document.querySelectorAll("[data-set-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.setLanguage === language));
    }
  };
  show(preferred());

  // Lower case without accents, so that "cout" finds "coût".
  const fold = (text) =>
    text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("œ", "oe").replaceAll("æ", "ae").replaceAll("’", "'");

  // The words of a text by which it can be found.
  const words = (text) => text.split(/[^\p{L}\p{N}]+/u).filter(Boolean);

  const prepared = (record) => {
    const titles = [record.e, record.f].filter(Boolean).map(fold);
    return {
      record,
      name: fold(record.n),
      titles,
      parts: [record.n, ...titles].flatMap((text) => words(fold(text).replaceAll("_", " "))),
      columns: (record.c || []).map(fold),
      description: fold(record.d || ""),
    };
  };

  // How well one word of the query fits; 0 where it does not.
  const fit = (entry, word) => {
    if (entry.name === word || entry.titles.includes(word)) return { score: 100 };
    if (entry.parts.includes(word)) return { score: 60 };
    if (entry.name.startsWith(word) || entry.titles.some((title) => title.startsWith(word))) return { score: 55 };
    if (entry.parts.some((part) => part.startsWith(word))) return { score: 45 };
    if (entry.name.includes(word) || entry.titles.some((title) => title.includes(word))) return { score: 30 };
    const exact = entry.columns.indexOf(word);
    if (exact >= 0) return { score: 28, column: exact };
    const column = entry.columns.findIndex((name) => name.includes(word));
    if (column >= 0) return { score: 14, column };
    if (entry.description.includes(word)) return { score: 8 };
    return { score: 0 };
  };

  // What readers of figures look for first comes first among equals.
  const RANK = { kpi: 9, mart: 8, alert: 7, job: 6, score: 5, fact: 4, attribution: 4, entity: 3, table: 2, source: 2, rollup: 1 };

  const find = (entries, query) => {
    const whole = fold(query.trim());
    const parts = whole.split(/\s+/).filter(Boolean);
    if (!parts.length) return [];
    const hits = [];
    for (const entry of entries) {
      let score = 0;
      let column;
      for (const part of parts) {
        const found = fit(entry, part);
        if (!found.score) { score = 0; break; }
        score += found.score;
        if (found.column !== undefined) column = found.column;
      }
      if (!score) continue;
      score /= parts.length;
      if (entry.name === whole) score += 1000;
      else if (entry.titles.includes(whole)) score += 900;
      else if (entry.titles.some((title) => title.startsWith(whole)) || entry.name.startsWith(whole)) score += 40;
      else if (entry.titles.some((title) => title.includes(whole))) score += 20;
      score += RANK[entry.record.k] || 0;
      hits.push({ record: entry.record, score, column });
    }
    return hits.sort((a, b) => b.score - a.score || (a.record.n < b.record.n ? -1 : 1)).slice(0, 30);
  };

  const search = () => {
    const input = document.getElementById("search");
    const list = document.getElementById("results");
    const status = document.getElementById("found");
    let entries = null;
    let hits = [];
    let selected = -1;
    let waiting = false;

    // The index comes with the first use, so that pages open without it.
    const load = () => {
      if (waiting) return;
      waiting = true;
      const script = document.createElement("script");
      script.src = `${root}assets/search.js`;
      script.onload = () => {
        entries = window.abmartSearch.records.map(prepared);
        update();
      };
      document.head.append(script);
    };
    const address = (hit) => {
      const { u, a, c } = hit.record;
      return root + u + (hit.column === undefined ? "" : `#${a}${c[hit.column]}`);
    };
    const close = () => {
      list.hidden = true;
      selected = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const select = (index) => {
      selected = index;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
      const item = list.children[index];
      if (!item) return;
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    };
    const item = (hit, index) => {
      const language = html.dataset.language;
      const { record } = hit;
      const noun = window.abmartSearch.kinds[record.k][language];
      const title = (language === "fr" && record.f) || record.e;
      const element = document.createElement("li");
      element.id = `result-${index}`;
      element.role = "option";
      const kind = document.createElement("span");
      kind.className = `kind ${record.k}`;
      kind.textContent = noun;
      const shown = document.createElement("span");
      const strong = document.createElement("b");
      strong.textContent = title || record.n;
      shown.append(strong);
      if (title) {
        const name = document.createElement("code");
        name.textContent = record.n;
        shown.append(" ", name);
      }
      if (hit.column !== undefined) {
        const column = document.createElement("code");
        column.textContent = record.c[hit.column];
        shown.append(" › ", column);
      }
      const more = document.createElement("small");
      more.lang = "en";
      more.textContent = record.d || "";
      const box = document.createElement("span");
      box.className = "kind-box";
      box.append(kind);
      element.append(box, shown, more);
      element.addEventListener("mousedown", (event) => event.preventDefault());
      element.addEventListener("click", () => { location.href = address(hit); });
      element.addEventListener("mousemove", () => { if (selected !== index) select(index); });
      return element;
    };
    const update = () => {
      if (!input.value.trim() || !entries) { close(); status.textContent = ""; return; }
      hits = find(entries, input.value);
      list.replaceChildren(...hits.map(item));
      const french = html.dataset.language === "fr";
      if (!hits.length) {
        const nothing = document.createElement("li");
        nothing.className = "nothing";
        nothing.role = "option";
        nothing.setAttribute("aria-disabled", "true");
        nothing.textContent = french ? "Rien trouvé" : "Nothing found";
        list.append(nothing);
      }
      status.textContent = french ? `${hits.length} résultats` : `${hits.length} results`;
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      if (hits.length) select(0);
    };

    input.addEventListener("focus", () => { load(); update(); });
    input.addEventListener("input", () => { load(); update(); });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) { update(); return; }
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (hits.length) select((selected + step + hits.length) % hits.length);
      } else if (event.key === "Enter" && hits[selected] && !list.hidden) {
        event.preventDefault();
        location.href = address(hits[selected]);
      } else if (event.key === "Escape") {
        if (list.hidden) input.blur(); else close();
      }
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        input.focus();
        input.select();
      }
    });
    return () => { if (!list.hidden) update(); };
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll(".search, .languages")) element.hidden = false;
    label(html.dataset.language);
    const refresh = search();
    for (const button of document.querySelectorAll("[data-set-language]")) {
      button.addEventListener("click", () => {
        const language = button.dataset.setLanguage;
        remember(language);
        show(language);
        label(language);
        refresh();
      });
    }
    // A wide picture begins with what it is about.
    for (const box of document.querySelectorAll(".lineage")) {
      box.scrollLeft = box.scrollWidth * Number(box.dataset.centre) - box.clientWidth / 2;
    }
    // A target inside of what is folded up is unfolded.
    const unfold = () => {
      const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
      for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    };
    unfold();
    addEventListener("hashchange", unfold);
  });
})();

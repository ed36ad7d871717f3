"use strict";
// Small parts, each on its own: the frame, popovers for quoted numbers and terms, filters of long tables, charts, paper.

/* The frame: the theme (the system's until the reader chooses), the chapters over a narrow page, `/` for the search. */
{
  const root = document.documentElement, button = document.querySelector(".ct-theme"), nav = document.querySelector(".ct-nav");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = theme => {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", theme === "dark");
  };
  const stored = () => { try { return localStorage.theme; } catch { return undefined; } };   // a page may be denied storage

  show(root.dataset.theme);
  system.addEventListener("change", () => { if (!stored()) show(system.matches ? "dark" : "light"); });
  button.addEventListener("click", () => {
    show(root.dataset.theme === "dark" ? "light" : "dark");
    try { localStorage.theme = root.dataset.theme; } catch { /* the choice then lasts as long as the page */ }
  });
  nav.addEventListener("click", e => { if (e.target.closest("a") && nav.matches(":popover-open")) nav.hidePopover(); });
  document.addEventListener("keydown", e => {
    const box = document.querySelector(".ct-search input");
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || !box || e.target.closest("input, select, textarea, [contenteditable]")) return;
    e.preventDefault();
    box.focus();
  });
}

/* Popovers. One pair of listeners on the document serves hundreds of links. */
{
  const links = "a[data-popover]";
  let link = null, pop = null;      // the open popover and the link that opened it
  let timer, tapped = null, wasOpen = false, returning = false;

  const popoverOf = a => document.getElementById(a.dataset.popover);
  const under = target => target instanceof Element ? target.closest(links) : null;
  const inside = target => target instanceof Node && (link?.contains(target) || pop?.contains(target));

  function show(a) {
    clearTimeout(timer);
    const p = popoverOf(a);
    if (!p?.showPopover || (a === link && p === pop)) return;
    hide();
    p.showPopover(a instanceof HTMLElement ? { source: a } : {});   // the source makes Tab go from the link into its popover
    [link, pop] = [a, p];
    a.setAttribute("aria-expanded", "true");
    place();
  }

  function hide() {
    clearTimeout(timer);
    if (pop?.matches(":popover-open")) pop.hidePopover();
    link?.setAttribute("aria-expanded", "false");
    link = pop = null;
  }

  const soon = (act, ms) => { clearTimeout(timer); timer = setTimeout(act, ms); };

  // In document coordinates, so that it scrolls with its link.
  function place() {
    const box = link.getBoundingClientRect(), start = link.getClientRects()[0], gap = 6, edge = 8;
    const { offsetWidth: w, offsetHeight: h } = pop, { clientWidth, clientHeight } = document.documentElement;
    const below = box.bottom + gap, above = box.top - gap - h;
    const top = below + h + edge <= clientHeight ? below : above >= edge ? above : Math.max(edge, clientHeight - h - edge);
    pop.style.left = `${Math.max(edge, Math.min(start.left, clientWidth - w - edge)) + scrollX}px`;
    pop.style.top = `${top + scrollY}px`;
  }

  for (const a of document.querySelectorAll(links)) {
    if (!popoverOf(a)) continue;
    a.setAttribute("aria-describedby", a.dataset.popover);
    a.setAttribute("aria-expanded", "false");
  }

  document.addEventListener("pointerover", e => {
    if (e.pointerType === "touch") return;
    const a = under(e.target);
    if (a && a !== link) soon(() => show(a), 90);
    else if (inside(e.target)) clearTimeout(timer);
    else if (link && !inside(document.activeElement)) soon(hide, 220);
    else if (!link) clearTimeout(timer);
  });
  document.addEventListener("focusin", e => {
    const a = under(e.target);
    if (a && !returning && a.matches(":focus-visible")) show(a);
    else if (link && !inside(e.target) && !e.target.contains(pop)) hide();   // a click in the popover focuses what holds it
  });
  document.addEventListener("keydown", e => {
    if (e.key !== "Escape" || !link) return;
    const back = pop.contains(document.activeElement) && link;
    e.preventDefault();
    hide();
    if (back) { returning = true; back.focus(); returning = false; }
  });
  document.addEventListener("pointerdown", e => {
    const a = under(e.target);
    [tapped, wasOpen] = [e.pointerType === "touch" ? a : null, a !== null && a === link];
    if (link && !inside(e.target)) hide();
  }, true);
  document.addEventListener("click", e => {
    const a = under(e.target);
    if (!a || a !== tapped || wasOpen || !popoverOf(a)?.showPopover) return;
    e.preventDefault();             // the first tap shows, the second follows the link
    show(a);
  });
  // The browser may close it by itself: light dismiss, the back gesture of a phone.
  document.addEventListener("toggle", e => {
    if (e.target === pop && e.newState === "closed") hide();
  }, true);
  addEventListener("resize", hide);
}

/* A formula or code wider than its place scrolls; then the keyboard must reach it. */
{
  const sized = new ResizeObserver(entries => {
    for (const { target } of entries)
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
  });
  for (const box of document.querySelectorAll(".ct-formula, .ct-math, article pre")) sized.observe(box);
}

/* Cite this number: its name and value, its permanent address, and the state of the book that says so. */
document.addEventListener("click", async e => {
  const button = e.target.closest?.(".ct-cite");
  if (!button) return;
  const pop = button.closest(".ct-pop"), text = name => pop.querySelector(`.ct-${name}`).textContent;
  const key = pop.querySelector(".ct-more a").hash, { site, date, commit } = window.book;
  const address = new URL(`appendix/ledger.html${key}`, site || new URL(document.documentElement.dataset.content_root, location));
  const told = [`Compute Trades, Recomputed. ${text("label")}: ${text("value")}. ${address}`, date, commit && `commit ${commit}`];
  const shown = pop.querySelector(".ct-citation") ?? button.parentElement.insertAdjacentElement("beforebegin", document.createElement("p"));
  shown.className = "ct-citation";
  shown.textContent = `${told.filter(Boolean).join(", ")}.`;
  try {
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = "Copied";
  } catch {                         // no clipboard without https: the text is there to be copied by hand
    getSelection().selectAllChildren(shown);
  }
});

/* The filter of an index. What it asks stands in the address, `?q=kv+cache&kind=fact`, beside a line's `#key`. */
for (const form of document.querySelectorAll("form.ct-filter:has(output)")) {
  const index = form.nextElementSibling;
  let lists;                        // of each its lines and their texts in lower case, read on first use

  // Set unchanged, it would be styled anew all the same.
  const hide = (part, hidden) => { if (part.hidden !== hidden) part.hidden = hidden; };
  const read = list => [list, [...list.children].map(line => [line, line.textContent.toLowerCase()])];

  function apply() {
    lists ??= [...index.querySelectorAll("ul")].map(read);
    const { q, ...chosen } = Object.fromEntries(new FormData(form));
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(chosen).filter(([, value]) => value);
    let shown = 0, all = 0;
    for (const [list, lines] of lists) {
      let n = 0;
      for (const [line, text] of lines) {
        const fits = words.every(w => text.includes(w)) && wanted.every(([name, value]) => line.dataset[name] === value);
        hide(line, !fits);
        n += fits;
      }
      if (list.style.getPropertyValue("--lines") !== `${n}`) list.style.setProperty("--lines", n);
      hide(list, !n);
      shown += n;
      all += lines.length;
    }
    for (const section of index.querySelectorAll("section")) hide(section, !section.querySelector("ul:not([hidden])"));
    form.querySelector("output").value = `${shown.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  }

  function tell(hash) {
    const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
    history.replaceState(null, "", location.pathname + (asked && `?${asked}`) + hash);
  }

  function restore() {
    const asked = new URLSearchParams(location.search);
    for (const field of form.querySelectorAll("[name]")) {
      field.value = asked.get(field.name) ?? "";
      if (field.selectedIndex < 0) field.value = "";         // a choice that there is not
    }
    apply();
  }

  // An address that is a line's and nothing more goes on to where the line is told in full.
  function reveal() {
    const line = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!index.contains(line) || !line.matches("li")) return;
    const told = line.querySelector("a");
    if (told && !location.search) return location.replace(told.href);
    if (line.hidden) { form.reset(); apply(); tell(location.hash); }
    // Lists off the screen have a height only by estimate: the line is met again once those that come with it have their own.
    const meet = () => line.scrollIntoView({ behavior: "instant" });
    meet();
    requestAnimationFrame(() => requestAnimationFrame(meet));
  }

  form.addEventListener("input", () => { apply(); tell(""); });
  form.addEventListener("submit", e => e.preventDefault());
  addEventListener("popstate", restore);
  addEventListener("hashchange", reveal);
  if (location.search) restore();
  reveal();
}

/* Charts: Vega-Lite specs in the page, drawn with the page's font and colours, and again when the theme changes. */
{
  // Okabe and Ito's colours; the yellow darkened for paper, the blues and vermilion lightened for dark.
  const palettes = {
    light: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#D3C414", "#7A7F82"],
    dark: ["#4FA8E0", "#E9A820", "#2FC49A", "#DD9BC1", "#93D2F6", "#F2794A", "#F0E442", "#A3AAAD"],
  };
  const theme = () => document.documentElement.dataset.theme === "dark" ? "dark" : "light";
  const narrow = matchMedia("(max-width: 600px)");

  function config(chart) {
    const css = getComputedStyle(chart), color = name => css.getPropertyValue(`--ct-${name}`).trim();
    const palette = palettes[theme()], font = css.fontFamily;
    const small = narrow.matches;
    return {
      background: "transparent", font, padding: 4,
      view: { stroke: null },
      mark: { color: palette[0] },
      line: { strokeWidth: 2 },
      rule: { color: color("quiet") },
      text: { color: color("ink"), fontSize: 11 },
      range: { category: palette, ramp: { scheme: "viridis" }, heatmap: { scheme: "viridis" } },
      axis: {
        domainColor: color("quiet"), tickColor: color("quiet"), gridColor: color("line"), labelColor: color("quiet"), titleColor: color("ink"),
        labelFontSize: 11, titleFontSize: 12, titleFontWeight: 500, titlePadding: 8, labelOverlap: true, tickSize: 4,
      },
      axisX: { grid: false },
      axisY: { labelLimit: small ? 108 : 260 },
      legend: {
        labelColor: color("ink"), titleColor: color("quiet"), labelFontSize: 11.5, titleFontSize: 11.5, titleFontWeight: 500, symbolStrokeWidth: 2,
        labelLimit: small ? 280 : 240, ...small && { orient: "bottom", columns: 1 },
      },
      title: { color: color("ink"), subtitleColor: color("quiet"), anchor: "start", fontSize: 14, fontWeight: 600, subtitleFontSize: 12, offset: 12 },
      header: { labelColor: color("ink"), titleColor: color("quiet") },
    };
  }

  // Vega cuts a title that is too long; an array is drawn line by line.
  const lines = (text, width) => text.split(" ").reduce((out, word) => {
    if (out.at(-1) && (out.at(-1) + word).length >= width) out.push(word);
    else out.push(`${out.pop()} ${word}`.trim());
    return out;
  }, [""]);

  // Vega is the heaviest thing on a page and most charts stand further down, so it is fetched for the first that comes near.
  const here = document.currentScript.src;
  let fetched = null;
  const vega = () => fetched ??= new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: new URL("vega.js", here), onload: done, onerror: failed });
    document.head.append(script);
  });

  function chartDrawer(chart) {
    const source = chart.querySelector("script").textContent, mount = chart.appendChild(document.createElement("div"));
    let result = null, queue = Promise.resolve();

    // Vega measures words when it draws, so the fonts are there first.
    const fonts = ["12px Book Sans", "600 14px Book Sans", ...source.includes("Book Mono") ? ["12px Book Mono"] : []];

    async function draw() {
      await Promise.all([vega(), ...fonts.map(font => document.fonts.load(font))]);
      const spec = JSON.parse(source);
      for (const p of spec.params ?? [])
        if (result && p.bind && !p.select) p.value = result.view.signal(p.name);
      if (spec.title?.text) spec.title.text = lines(spec.title.text, chart.clientWidth / 8.6);
      result?.finalize();
      const drawn = theme();
      result = await window.vegaEmbed(mount, spec, {
        actions: false, renderer: "svg", defaultStyle: false, tooltip: { theme: "custom", disableDefaultStyle: true }, config: config(chart),
      });
      chart.view = result.view;
      chart.dataset.ready = drawn;
    }
    return () => queue = queue.then(draw).catch(console.error);   // one at a time: a draw reads the sliders of the one before
  }

  const waiting = new Map([...document.querySelectorAll(".ct-chart")].map(chart => [chart, chartDrawer(chart)])), begun = [];
  function begin(chart) {
    const draw = waiting.get(chart);
    if (!draw) return;
    waiting.delete(chart);
    begun.push(draw);
    return draw();
  }
  const again = () => begun.forEach(draw => draw());

  const near = new IntersectionObserver(seen => seen.filter(e => e.isIntersecting).forEach(e => begin(e.target)), { rootMargin: "75% 0px" });
  for (const chart of waiting.keys()) near.observe(chart);
  // The others are drawn one by one when the reader has settled, so that paper and a quick scroll find them there.
  async function rest() {
    for (const chart of waiting.keys()) {
      await new Promise(idle => (window.requestIdleCallback ?? setTimeout)(idle));
      await begin(chart);
    }
  }
  addEventListener("load", () => setTimeout(rest, 2000));
  addEventListener("beforeprint", () => { for (const chart of waiting.keys()) begin(chart); });
  narrow.addEventListener("change", again);
  new MutationObserver(changes => {
    if (changes.some(c => c.oldValue !== document.documentElement.dataset.theme)) again();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"], attributeOldValue: true });
}

/* On paper nothing unfolds and nothing scrolls: the cards are opened for it, and wide formulas set smaller. */
{
  // A folded formula asks for no font until it is opened, which on paper is too late to be measured in it.
  if (document.querySelector("math")) document.fonts.load("16px Book Math");
  const paper = 640;                // px of A4 between its margins and those of a card
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".ct-card details:not([open])")];
    for (const d of opened) d.open = true;
    const boxes = [...document.querySelectorAll("article :is(.ct-formula, .ct-math)")], widths = boxes.map(box => box.scrollWidth);
    boxes.forEach((box, i) => box.style.setProperty("--ct-fit", Math.min(1, paper / widths[i])));
  });
  addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
}

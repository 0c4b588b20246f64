"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const findings = all(".finding");
  const cells = all(".cell");
  const definitions = all(".definition");
  const switches = all(".switch");

  // ---- filters: within a group any of the pressed ones, and that in every group that has a pressed one

  const chosen = () => {
    const groups = new Map();
    for (const button of switches.filter((b) => b.getAttribute("aria-pressed") === "true")) {
      const kind = button.dataset.filter;
      groups.set(kind, [...(groups.get(kind) ?? []), button.dataset.value]);
    }
    return groups;
  };
  const fits = (element, groups) =>
    [...groups].every(([kind, values]) => {
      const own = element.dataset[kind];
      return own === undefined || own.split(" ").some((value) => values.includes(value));
    });
  const withFindings = (groups) => {
    if (!groups.has("severity")) return null;
    return new Set(findings.filter((f) => !f.hidden).flatMap((f) => all(".meta a", f).map((a) => a.getAttribute("href"))));
  };
  const apply = () => {
    const groups = chosen();
    for (const finding of findings) finding.hidden = !fits(finding, groups);
    const named = withFindings(groups);
    const kept = (element, href) => fits(element, groups) && (named === null || named.has(href));
    for (const cell of cells) cell.classList.toggle("dim", !kept(cell, cell.getAttribute("href")));
    for (const definition of definitions) definition.hidden = !kept(definition, `#${definition.id}`);
    for (const tier of all("section.tier")) tier.hidden = all(".definition", tier).every((d) => d.hidden);
    const left = findings.filter((f) => !f.hidden).length;
    one("#count").textContent = groups.size ? `${left} of ${findings.length} findings` : "";
    one("#none").hidden = left > 0 || findings.length === 0;
    one("#reset").disabled = groups.size === 0;
  };
  const reset = () => {
    for (const button of switches) button.setAttribute("aria-pressed", "false");
    apply();
  };
  for (const button of switches) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }

  // ---- moving about

  const go = (element) => {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
  };
  const step = (by) => {
    const open = findings.filter((f) => !f.hidden);
    if (!open.length) return;
    const at = open.indexOf(document.activeElement?.closest?.(".finding"));
    go(open[at < 0 ? (by > 0 ? 0 : open.length - 1) : Math.min(Math.max(at + by, 0), open.length - 1)]);
  };
  const open = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    if (target?.matches(".definition")) target.open = true;
    if (target?.matches(".definition, .finding") && target.hidden) reset();
    if (target?.matches(".definition")) target.querySelector("summary").focus({ preventScroll: true });
    if (target?.matches(".finding")) target.focus({ preventScroll: true });
    target?.scrollIntoView?.({ block: "start" });
  };
  addEventListener("hashchange", open);

  // ---- the map is one stop of the Tab key; arrows move inside of it

  const enter = (cell) => {
    for (const other of cells) other.tabIndex = other === cell ? 0 : -1;
  };
  if (cells.length) enter(cells[0]);
  for (const cell of cells) cell.addEventListener("focus", () => enter(cell));
  one(".map")?.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = cells.indexOf(document.activeElement);
    if (!by || at < 0) return;
    event.preventDefault();
    cells[(at + by + cells.length) % cells.length].focus();
  });

  // ---- light and dark

  const root = document.documentElement;
  const theme = one("#theme");
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => (theme.textContent = isDark() ? "Light" : "Dark");
  const flip = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    say();
  };
  theme.addEventListener("click", flip);
  say();

  // ---- keys

  const keys = one("#keys");
  const help = () => keys.showModal();
  one("#help").addEventListener("click", help);
  one("#reset").addEventListener("click", reset);
  const actions = {
    j: () => step(1),
    k: () => step(-1),
    m: () => (cells.find((cell) => cell.tabIndex === 0 && !cell.matches(".dim")) ?? cells.find((c) => !c.matches(".dim")))?.focus(),
    f: () => switches[0]?.focus(),
    d: () => one("#definitions summary")?.focus(),
    r: reset,
    t: flip,
    "?": help,
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // ---- what is gone to must not end up below the bar of the filters

  const bar = one("#filters");
  new ResizeObserver(() => root.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

  for (const element of [bar, theme, one("#help")]) element.hidden = false;
  if (matchMedia("(max-width: 40rem)").matches) bar.firstElementChild.open = false;
  open();
})();

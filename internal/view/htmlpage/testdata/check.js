// What is wrong with the page in front, as a list of texts. Run by the tests
// through the DevTools; no part of the page.
(() => {
  const faults = [];
  const fault = (what, e) => faults.push(what + (e ? ": <" + e.localName + " class='" + e.className + "'> " + e.textContent.trim().slice(0, 60) : ""));
  const all = (q) => [...document.querySelectorAll(q)];
  const one = (q) => { if (all(q).length !== 1) fault(all(q).length + " of " + q); };

  // Structure: language, title, landmarks, headings without a gap.
  if (!document.documentElement.lang) fault("no language");
  if (!document.title) fault("no title");
  ["body > header", "body > nav[aria-label]", "main", "body > footer", "h1"].forEach(one);
  let level = 0;
  for (const h of all("h1,h2,h3,h4,h5,h6")) {
    const l = Number(h.localName[1]);
    if (l > level + 1) fault("heading of level " + l + " below level " + level, h);
    if (!h.textContent.trim()) fault("empty heading", h);
    level = l;
  }
  for (const s of all("section")) {
    const label = document.getElementById(s.getAttribute("aria-labelledby"));
    if (!label || !s.contains(label)) fault("section without a name", s);
  }
  const ids = new Set();
  for (const e of all("[id]")) { if (ids.has(e.id)) fault("id twice: " + e.id); ids.add(e.id); }
  for (const a of all("a[href^='#']")) if (!ids.has(decodeURIComponent(a.hash.slice(1)))) fault("link to nowhere: " + a.hash, a);
  for (const t of all("table")) {
    if (!t.querySelector("thead th")) fault("table without heads", t);
    for (const th of t.querySelectorAll("th")) if (!th.scope) fault("head without scope", th);
  }
  for (const d of all("details")) if (d.firstElementChild?.localName !== "summary") fault("details without summary", d);
  for (const e of all("[role=region]")) if (!e.getAttribute("aria-label")) fault("region without a name", e);
  for (const e of all(".scroll, pre")) if (e.tabIndex < 0) fault("scrolls and takes no focus", e);
  for (const l of all("ul,ol")) if ([...l.children].some((c) => c.localName !== "li")) fault("list with something else", l);

  // Nothing active.
  const active = all("script,iframe,object,embed,img,form,input,button,audio,video,base,link:not([rel=icon])");
  if (active.length) fault("active element", active[0]);
  for (const e of all("*")) for (const a of e.attributes) if (/^on/i.test(a.name) || a.name === "style" || /^\s*javascript:/i.test(a.value)) fault("attribute " + a.name, e);

  // It fits.
  if (document.documentElement.scrollWidth > innerWidth) fault("wider than the window: " + document.documentElement.scrollWidth + " > " + innerWidth);

  // Contrast: 4.5, or 3 for large text.
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; if (c[3] > 0) fault("half-transparent background", e); } return [255, 255, 255, 1]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = 99, checked = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility({ contentVisibilityAuto: true })) continue;
    const s = getComputedStyle(e), size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700);
    const [a, b] = [lum(parse(s.color)), lum(behind(e))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    checked++;
    worst = Math.min(worst, ratio);
    if (ratio < (large ? 3 : 4.5)) fault("contrast " + ratio.toFixed(2) + " " + s.color, e);
    if (size < 11) fault("text of " + size + " px", e);
  }
  // Targets can be hit with a finger.
  for (const e of all("nav a, summary")) { const r = e.getBoundingClientRect(); if (e.checkVisibility() && r.height < 24) fault("target of " + r.height + " px", e); }
  return { faults, checked, worst };
})()

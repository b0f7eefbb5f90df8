"""What must be true of every page however it is looked at: nothing sticks out, is cut off or lies on something else."""

from __future__ import annotations

from typing import Final

from playwright.async_api import Page

from .conftest import WEB

#: Runs in the page. A text is judged by the lines that it is drawn in, as far as its scrolling panels show them.
_JUDGE: Final = r"""() => {
  const found = [];
  const top = [...document.querySelectorAll('dialog[open], .gate')].at(-1) ?? document.body;
  const say = (what, element) => found.push(`${what}: ${element.textContent.trim().slice(0, 50)}` +
    ` <${element.tagName.toLowerCase()} class="${element.getAttribute('class') ?? ''}">`);
  if (document.documentElement.scrollWidth > innerWidth + 1)
    found.push(`the page is ${document.documentElement.scrollWidth} px wide in ${innerWidth}`);

  const texts = [];
  const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest('.sr-only, [aria-hidden=true], svg, option, script, style')) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    let lines = [...range.getClientRects()].filter((line) => line.width > 1 && line.height > 1);
    let fixed = false;
    for (let box = element; box && lines.length; box = box.parentElement) {
      const style = getComputedStyle(box);
      const rect = box.getBoundingClientRect();
      if (style.opacity === '0') lines = [];
      if (style.overflowX !== 'visible' && box !== document.body) {
        const rolls = /auto|scroll/.test(style.overflowX + style.overflowY);
        const clamped = style.webkitLineClamp !== 'none';
        // Ellipses are for the words of people, of which nobody knows the length.
        const people = box.closest('bdi, [data-song]') || box.querySelector('bdi');
        const dots = (style.textOverflow === 'ellipsis' || clamped) && people;
        for (const line of lines) {
          const below = line.bottom - rect.bottom;
          const aside = Math.max(line.right - rect.right, rect.left - line.left);
          if (!dots && aside > 1.5) say('cut off at the side', element);
          if (!clamped && !rolls && below > line.height / 3 && below < line.height) say('cut off below', element);
        }
        lines = lines
          .map((line) => new DOMRect(Math.max(line.left, rect.left), Math.max(line.top, rect.top),
            Math.min(line.right, rect.right) - Math.max(line.left, rect.left),
            Math.min(line.bottom, rect.bottom) - Math.max(line.top, rect.top)))
          .filter((line) => line.width > 2 && line.height > 2);
      }
      if (style.position === 'fixed') {
        fixed = true;
        break;
      }
    }
    for (const line of lines) {
      if (line.right > innerWidth + 1 || line.left < -1) say('sticks out', element);
      const { left, top, right, bottom } = line;
      texts.push({ element, left, top, right, bottom, fixed });
    }
  }
  for (let a = 0; a < texts.length; a++)
    for (let b = a + 1; b < texts.length; b++) {
      const [one, other] = [texts[a], texts[b]];
      if (one.element === other.element || one.fixed !== other.fixed) continue;
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      const line = Math.min(one.bottom - one.top, other.bottom - other.top);
      if (wide > 2 && high > line * 0.3) say(`lies on “${one.element.textContent.trim().slice(0, 30)}”`, other.element);
    }
  // Texts in the window that something else covers.
  for (const { element, left, top: above, right, bottom } of texts) {
    const [x, y] = [(left + right) / 2, (above + bottom) / 2];
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
    const hit = document.elementFromPoint(x, y);
    if (!hit || hit.contains(element) || element.contains(hit) || hit.closest('[role=toolbar], .toasts')) continue;
    if (element.closest('button, a, label') && element.closest('button, a, label').contains(hit)) continue;
    // What sticks to an edge covers what is scrolled below it.
    if ([hit, hit.parentElement].some((it) => it && getComputedStyle(it).position === 'sticky')) continue;
    say(`covered by <${hit.tagName.toLowerCase()} class="${hit.getAttribute('class') ?? ''}">`, element);
  }
  return [...new Set(found)];
}"""

_AXE: Final = """async (options) => (await axe.run(document, options)).violations
  .filter(({ impact }) => impact !== 'minor')
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`))"""


async def faults_of_layout(page: Page) -> list[str]:
    """What sticks out, is cut off, or lies on something else, in words; empty for a page that is in order."""
    found: list[str] = await page.evaluate(_JUDGE)
    return found


async def faults_of_access(page: Page) -> list[str]:
    """What axe finds, but for what it calls minor."""
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text())
    found: list[str] = await page.evaluate(_AXE, {"resultTypes": ["violations"]})
    return found

"""Whether a view fits a phone: nothing sideways, and everything large enough for a thumb. Used by several views' tests."""

from __future__ import annotations

from page_house import Phone

_FAULTS = """(width) => {
  const said = (e) => `${e.tagName.toLowerCase()} "${e.textContent.trim().slice(0, 30)}"`;
  const shown = (e) => e.getClientRects().length > 0 && e.closest('.aside, .skip') === null;
  const inside = document.querySelector('dialog[open]') ?? document;
  const faults = [];
  if (document.documentElement.scrollWidth > width) {
    const wide = [...inside.querySelectorAll('*')].filter((e) => shown(e) && e.getBoundingClientRect().right > width + 1);
    faults.push(...wide.slice(0, 5).map((e) => `${said(e)} ends at ${Math.round(e.getBoundingClientRect().right)} px`));
    if (wide.length === 0) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  }
  for (const e of inside.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    const box = e.getBoundingClientRect();
    if (shown(e) && (box.width < 47.5 || box.height < 47.5)) faults.push(`${said(e)} is ${Math.round(box.width)} by ${Math.round(box.height)} px`);
  }
  return faults;
}"""


def fits(phone: Phone, width: int = 360) -> None:
    """Nothing reaches beyond the phone's width, and every target is at least 48 pixels wide and high."""
    phone.frames()
    faults = phone.page.evaluate(_FAULTS, width)
    assert not faults, f"{phone.page.url}: " + "; ".join(faults)
